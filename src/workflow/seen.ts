/** What test data shows of a workflow's data, for checks and types. No I/O. */
import { mergeShapes, NO_SHAPE, propertiesOf, type Shape } from "./shape.ts";

/** One sample: a saved request, and what mocks answer in its place. */
export interface SeenSample {
  /** Of the test data. */
  readonly name: string;
  readonly query: Shape;
  /** By lower-case name. */
  readonly headers: Shape;
  readonly body: Shape;
  /** Bodies that mocks give http steps, by the step's id; failures are left out. */
  readonly answers: ReadonlyMap<string, Shape>;
}

/** Samples by workflow id. */
export type SeenData = ReadonlyMap<string, readonly SeenSample[]>;

/** One place in the data, over all samples that have it. */
export class SeenPlace {
  readonly shape: Shape;
  readonly #sources: readonly { readonly name: string; readonly shape: Shape }[];

  constructor(sources: readonly { readonly name: string; readonly shape: Shape }[]) {
    this.#sources = sources.filter(({ shape }) => shape.count > 0);
    this.shape = this.#sources.reduce((all, { shape }) => mergeShapes(all, shape), NO_SHAPE);
  }

  /** The names below it; undefined when it never was an object, or is a dictionary, which may have any. */
  get names(): readonly string[] | undefined {
    const properties = this.shape.object && propertiesOf(this.shape.object);
    return properties && [...properties.keys()];
  }

  /** @param name - Of a field, or the position of a list's item: all items are taken for one. */
  below(name: string): SeenPlace {
    return new SeenPlace(this.#sources.map(({ name: source, shape }) => ({ name: source, shape: step(shape, name) })));
  }

  /** The samples, for people: "test data `real`, `order-2`". */
  get where(): string {
    const names = this.#sources.slice(0, 3).map(({ name }) => `\`${name}\``);
    return `test data ${names.join(", ")}${this.#sources.length > 3 ? ` and ${this.#sources.length - 3} more` : ""}`;
  }
}

function step({ object, list }: Shape, name: string): Shape {
  const field = object?.kind === "record" ? object.properties.get(name) : undefined;
  return field ?? (/^\d+$/.test(name) ? list?.items : undefined) ?? NO_SHAPE;
}
