/** Checks workflows against each other: `workflow` steps that lead nowhere, or in a circle. No I/O. */
import { didYouMean } from "./parse/reader.ts";
import type { Mention } from "./parse.ts";
import type { Problem } from "./problem.ts";

/** A workflow and what it starts. */
export interface Caller {
  readonly file: string;
  readonly calls: readonly Mention[];
}

/** @param callers - Every workflow of the project by id, those with errors too. */
export function checkCalls(callers: ReadonlyMap<string, Caller>): Problem[] {
  const problems: Problem[] = [];
  const circles = circular(callers);
  for (const [id, { file, calls }] of callers) {
    for (const { name, place } of calls) {
      if (!callers.has(name)) {
        const hint = didYouMean(name, callers.keys()) ?? `Add workflows/${name}.yaml.`;
        const message = `there is no workflow \`${name}\``;
        problems.push({ severity: "error", check: "unknown-workflow", file, place, message, hint });
      } else if (circles.get(id) !== undefined && circles.get(id) === circles.get(name)) {
        const way = [id, ...shortestWay(callers, name, id)].join(" → ");
        const message =
          id === name ? "a workflow cannot start itself" : `workflows start each other in a circle: ${way}`;
        problems.push({ severity: "error", check: "workflow-cycle", file, place, message });
      }
    }
  }
  return problems;
}

/** The strongly connected component of every workflow that lies on a circle (Tarjan, without recursion). */
function circular(callers: ReadonlyMap<string, Caller>): Map<string, number> {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const open: string[] = [];
  const isOpen = new Set<string>();
  const components = new Map<string, number>();
  const targets = (id: string): string[] =>
    (callers.get(id)?.calls ?? []).map(({ name }) => name).filter((to) => callers.has(to));
  for (const root of callers.keys()) {
    if (order.has(root)) continue;
    const walk = [{ id: root, next: targets(root) }];
    while (walk.length > 0) {
      const top = walk.at(-1);
      if (top === undefined) break;
      if (!order.has(top.id)) {
        order.set(top.id, order.size);
        low.set(top.id, order.size - 1);
        open.push(top.id);
        isOpen.add(top.id);
      }
      const to = top.next.pop();
      if (to !== undefined) {
        if (!order.has(to)) walk.push({ id: to, next: targets(to) });
        else if (isOpen.has(to)) low.set(top.id, Math.min(low.get(top.id) ?? 0, order.get(to) ?? 0));
        continue;
      }
      walk.pop();
      const parent = walk.at(-1);
      if (parent) low.set(parent.id, Math.min(low.get(parent.id) ?? 0, low.get(top.id) ?? 0));
      if (low.get(top.id) !== order.get(top.id)) continue;
      const members = open.splice(open.indexOf(top.id));
      for (const member of members) isOpen.delete(member);
      const circle = members.length > 1 || targets(top.id).includes(top.id);
      if (circle) for (const member of members) components.set(member, order.get(top.id) ?? 0);
    }
  }
  return components;
}

function shortestWay(callers: ReadonlyMap<string, Caller>, from: string, to: string): string[] {
  const before = new Map<string, string | undefined>([[from, undefined]]);
  for (const id of before.keys()) {
    if (id === to) break;
    for (const { name } of callers.get(id)?.calls ?? []) if (!before.has(name)) before.set(name, id);
  }
  const way: string[] = [];
  for (let at: string | undefined = to; at !== undefined; at = before.get(at)) way.unshift(at);
  return way;
}
