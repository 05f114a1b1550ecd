import { TestEnvironment } from 'jest-environment-node';

/** What a suite has registered in its own globals. */
interface SuiteGlobals {
  readonly afterSuite?: () => Promise<void>;
}

/**
 * Where suites run. When one is over, with whatever it does after its last test, it fails if `afterSuite` of its globals throws:
 * a hook of Jest's would run before hooks that the suite itself has.
 */
class SuiteEnvironment extends TestEnvironment {
  async handleTestEvent(
    { name }: { readonly name: string },
    state: { readonly unhandledErrors: unknown[] },
  ): Promise<void> {
    if (name !== 'run_finish') return;
    try {
      await (this.global as SuiteGlobals).afterSuite?.();
    } catch (error) {
      state.unhandledErrors.push(error);
    }
  }
}

export { SuiteEnvironment as default };
