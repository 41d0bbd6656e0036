/** What every engine must do, said against the contract alone; each engine's own test calls it. */
import { afterEach, beforeEach, describe } from "vitest";
import type { Engine } from "../../src/engine/engine.ts";
import { newExecutionId } from "../../src/engine/id.ts";
import {
  definitionOf,
  type EngineFixture,
  type EngineSetup,
  type Harness,
  inputOf,
  SECRET,
  SUCCEEDED,
  type Walk,
} from "./engine-fixture.ts";
import { describeReads } from "./reads.suite.ts";
import { describeStarts } from "./starts.suite.ts";
import { describeWaits } from "./waits.suite.ts";

/**
 * @param open - Opens an engine on an empty store.
 * @param isDurable - False for an engine that keeps nothing when it is closed: what is said of restarts is left out.
 */
export function describeEngine(
  name: string,
  open: (setup: EngineSetup) => Promise<EngineFixture>,
  isDurable = true,
): void {
  describe(name, () => {
    let fixture: EngineFixture;
    let walk: Walk;
    let walks: number;
    const engine = (): Engine => fixture.engine;

    beforeEach(async () => {
      walks = 0;
      walk = async () => SUCCEEDED;
      fixture = await open({
        walk: (definition, context) => {
          walks++;
          return walk(definition, context);
        },
        scrub: (text) => text.replaceAll(SECRET, "[secret]"),
      });
    });
    afterEach(() => fixture.dispose());

    const harness: Harness = {
      isDurable,
      get fixture() {
        return fixture;
      },
      get walk() {
        return walk;
      },
      set walk(next) {
        walk = next;
      },
      get walks() {
        return walks;
      },
      engine,
      async begin(more = {}) {
        const start = { id: newExecutionId(), definition: definitionOf("w"), input: inputOf(), ...more };
        return (await engine().start(start)).id;
      },
      async ended(id) {
        const execution = await engine().waitEnd(id, 15_000);
        if (execution === undefined) throw new Error(`${id} has not ended`);
        return execution;
      },
    };
    describeStarts(harness);
    describeWaits(harness);
    describeReads(harness);
  });
}
