import { defineConfig, type ViteUserConfig } from "vitest/config";

/** The public corpora, which are not part of the project: see test/corpora/corpus.ts. */
const config: ViteUserConfig = defineConfig({
  test: {
    include: ["test/corpora/**/*.corpus.ts"],
    reporters: ["default", "./test/count-reporter.ts"],
    testTimeout: 120_000,
    pool: "forks",
  },
});

export default config;
