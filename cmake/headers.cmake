# The two header-only libraries: Debian's libsimde-dev and libjsmn-dev, or else the same ones fetched
# from their makers and checked by hash. Target hs_headers carries their folders.
include(FetchContent)
add_library(hs_headers INTERFACE)

# Sets dir_var to the folder that holds `header`.
function(hs_header_library dir_var name header url sha256)
    find_path(HS_${name}_DIR ${header} PATHS /usr/include NO_CMAKE_FIND_ROOT_PATH)
    set(dir ${HS_${name}_DIR})
    if(NOT dir)
        FetchContent_Declare(${name} URL ${url} URL_HASH SHA256=${sha256} DOWNLOAD_EXTRACT_TIMESTAMP ON
                             SOURCE_SUBDIR none)
        FetchContent_MakeAvailable(${name})
        set(dir ${${name}_SOURCE_DIR})
    endif()
    set(${dir_var} ${dir} PARENT_SCOPE)
endfunction()

# jsmn.h alone, in a folder of its own: the system's other headers are not for Emscripten.
hs_header_library(jsmn_dir jsmn jsmn.h
    https://github.com/zserge/jsmn/archive/refs/tags/v1.1.0.tar.gz
    5f0913a10657fe7ec8d5794ccf00a01000e3e1f2f1e1f143c34a0f7b47edcb38)
configure_file(${jsmn_dir}/jsmn.h ${CMAKE_BINARY_DIR}/headers/jsmn.h COPYONLY)
target_include_directories(hs_headers SYSTEM INTERFACE ${CMAKE_BINARY_DIR}/headers)

if(NOT EMSCRIPTEN AND NOT HS_F64)
    hs_header_library(simde_dir simde simde/wasm/simd128.h
        https://github.com/simd-everywhere/simde/archive/refs/tags/v0.7.6.tar.gz
        c63e6c61392e324728da1c7e5de308cb31410908993a769594f5e21ff8de962b)
    if(NOT simde_dir STREQUAL "/usr/include")
        target_include_directories(hs_headers SYSTEM INTERFACE ${simde_dir})
    endif()
endif()
