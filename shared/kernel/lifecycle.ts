/**
 * A lifecycle is one table, state × event → state; database conditions, the diagrams in docs and the exhaustive test are
 * derived from it. One event leads to one state only, so that a single conditional write can carry it.
 */
export interface Lifecycle<S extends string, E extends string> {
  readonly states: readonly S[];
  readonly events: readonly E[];
  readonly table: Readonly<Record<S, Readonly<Partial<Record<E, S>>>>>;
  /** The states in which `event` may happen. */
  from(event: E): readonly S[];
  /** The state that `event` leads to. */
  to(event: E): S;
  /** Whether nothing can follow `state`. */
  terminal(state: S): boolean;
  allows(state: S, event: E): boolean;
}

type EventsOf<T> = { [S in keyof T]: keyof T[S] }[keyof T] & string;

export function lifecycle<const T extends Record<string, Record<string, string>>>(
  table: T,
): Lifecycle<keyof T & string, EventsOf<T>> {
  type S = keyof T & string;
  type E = EventsOf<T>;
  const target = new Map<string, { to: S; from: S[] }>();
  for (const [state, row] of Object.entries(table)) {
    for (const [event, to] of Object.entries(row)) {
      if (!(to in table)) throw new Error(`lifecycle: ${state}.${event} leads to ${to}, which is no state`);
      const known = target.get(event);
      if (known && known.to !== to) throw new Error(`lifecycle: ${event} leads to ${known.to} and to ${to}`);
      if (known) known.from.push(state);
      else target.set(event, { to, from: [state] });
    }
  }
  const find = (event: E) => {
    const entry = target.get(event);
    if (!entry) throw new Error(`lifecycle: no event ${event}`);
    return entry;
  };
  return {
    states: Object.keys(table) as S[],
    events: [...target.keys()] as E[],
    table: table as never,
    from: (event) => find(event).from,
    to: (event) => find(event).to,
    terminal: (state) => Object.keys(table[state] ?? {}).length === 0,
    allows: (state, event) => find(event).from.includes(state),
  };
}
