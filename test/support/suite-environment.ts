import vm from 'node:vm';
import { TestEnvironment } from 'jest-environment-node';

const { createContext } = vm;

/** What a suite has registered in its own globals. */
interface SuiteGlobals {
  readonly afterSuite?: () => Promise<void>;
}

/**
 * Where suites run. When one is over, with whatever it does after its last test, it fails if `afterSuite` of its globals throws:
 * a hook of Jest's would run before hooks that the suite itself has.
 */
class SuiteEnvironment extends TestEnvironment {
  constructor(...parameters: ConstructorParameters<typeof TestEnvironment>) {
    vm.createContext = createPlainContext;
    try {
      super(...parameters);
    } finally {
      vm.createContext = createContext;
    }
  }

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

/**
 * Jest has its contexts look each global up in a proxy, which takes a microsecond each time: a picture of a code took a second, of
 * which all but 15 ms were this. The globals of a plain one are as quick as in any program. Jest looks into the proxy only to empty
 * objects of an ended suite.
 */
function createPlainContext(): vm.Context {
  return createContext(vm.constants.DONT_CONTEXTIFY);
}

export { SuiteEnvironment as default };
