/** The entry of dist/engine.js. */
export * from './index';
