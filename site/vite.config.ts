import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { engineModule } from './plugins/engine.ts';
import { models } from './plugins/models.ts';
import { precache } from './plugins/precache.ts';

/** The development server puts styles into the page as text, which the policy of the built page forbids. */
const policyOnlyInBuild: Plugin = {
  name: 'policy-only-in-build',
  apply: 'serve',
  transformIndexHtml: (html) => html.replace(/<meta\s+http-equiv="Content-Security-Policy"[^>]*>/, ''),
};

export default defineConfig({
  base: './',
  plugins: [policyOnlyInBuild, models(), engineModule(), precache()],
  // Preact by the automatic runtime: the compiler needs no plugin for that.
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es' },
  build: {
    target: ['chrome111', 'firefox119', 'safari17'],
    // Inlined assets would be data: URLs, which the content security policy forbids.
    assetsInlineLimit: 0,
    // One file of styles, in their order: many small ones compress badly.
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // What only the benches and the tabs share comes in one piece: many small ones compress badly.
        codeSplitting: {
          groups: [{ name: 'shared', test: /state.(selection|reading|numbers|view)\.tsx?$|views.(StudyProgress|BarsPicture|HeatPicture|useStudy|tabs.(parts|TokenInput))\.tsx?$|ui.(Curves|curvesLayout)\.tsx?$/ }],
        },
      },
    },
  },
  test: {
    globals: true,
    include: ['../tests/site/**/*.test.ts'],
  },
});
