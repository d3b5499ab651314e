# The page behind a small static server:  docker build -t hookscope . && docker run --rm -p 8080:8080 hookscope
# The build stage runs the scripts that `make serve` runs; nothing is built here in a way of its own.
FROM debian:13-slim AS build
WORKDIR /hookscope
COPY . .
RUN tools/setup.sh build
RUN tools/build.sh

FROM nginxinc/nginx-unprivileged:1.28-alpine-slim
COPY docker/nginx.conf /etc/nginx/conf.d/default.conf
COPY --from=build /hookscope/site/dist /usr/share/nginx/html
EXPOSE 8080
