/** The suite inside the aedes-persistence package, which has no declarations at this path. */
declare module 'aedes-persistence/abstract.js' {
  interface TestContext {
    readonly assert: typeof import('node:assert');
    plan(assertions: number): void;
    diagnostic(message: string): void;
  }
  export default function abstractPersistence(options: {
    readonly test: (name: string, run: (context: TestContext) => Promise<void>) => void;
    readonly persistence: () => Promise<import('../../broker/persistence/session-store.ts').SessionStore>;
    readonly testAsync: true;
  }): void;
}
