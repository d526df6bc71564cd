// The net under forgotten tensors: when a DeviceArray becomes garbage its memory is released. JavaScript's collector does not feel linear
// memory, so pressure (bytes allocated since the last collection) asks it to run where the engine allows that.

const PRESSURE = 256 * 2 ** 20;

interface Doors {
  readonly gc: (() => void) | undefined;
  readonly Registry: typeof FinalizationRegistry;
  readonly cleanup: boolean;
}

/** Releases memory of collected owners. */
export class Reclaimer {
  private readonly doors = openDoors();
  private readonly registry: FinalizationRegistry<() => void>;
  private since = 0;

  constructor() {
    this.registry = new this.doors.Registry<() => void>(release => release());
  }

  /** Call `release` when `owner` is collected, unless `forget(owner)` comes first. */
  watch(owner: object, release: () => void, bytes: number): void {
    this.registry.register(owner, release, owner);
    this.since += bytes;
    if (this.since > PRESSURE) this.collect();
  }
  forget(owner: object): void {
    this.registry.unregister(owner);
  }

  /** Run the collector now and release what it found, as far as the engine allows. */
  collect(): void {
    this.since = 0;
    this.doors.gc?.();
    if (this.doors.cleanup) (this.registry as unknown as { cleanupSome(): void }).cleanupSome(); // present: openDoors has looked
  }
}

/** Node lets a fresh context have `gc`, and Node 20 also `cleanupSome`, which releases inside one synchronous loop. Elsewhere finalizers run when the program yields. */
function openDoors(): Doors {
  const plain: Doors = { gc: undefined, Registry: FinalizationRegistry, cleanup: false };
  if (typeof process === "undefined" || typeof process.getBuiltinModule !== "function" || process.versions?.node === undefined)
    return plain;
  const v8 = process.getBuiltinModule("node:v8"),
    vm = process.getBuiltinModule("node:vm");
  const major = Number(process.versions.node.split(".")[0]);
  v8.setFlagsFromString("--expose-gc");
  if (major <= 20) v8.setFlagsFromString("--harmony-weak-refs-with-cleanup-some");
  const context = vm.createContext();
  const gc: unknown = vm.runInContext("gc", context);
  const Registry = vm.runInContext("FinalizationRegistry", context) as typeof FinalizationRegistry; // the context's own intrinsic
  v8.setFlagsFromString("--no-expose-gc");
  return {
    gc:
      typeof gc === "function"
        ? () => {
            (gc as () => void)();
          }
        : undefined,
    Registry,
    cleanup: "cleanupSome" in Registry.prototype,
  }; // typeof has just shown a function
}
