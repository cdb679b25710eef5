import * as z from "zod";
import type { Role, Staff } from "../../shared/identity/index.ts";
import type { ProblemCode } from "../../shared/kernel/problem.ts";
import { text } from "../../shared/kernel/text.ts";
import type { Once } from "../../shared/table/once.ts";
import type { Deps } from "./deps.ts";
import type { LimitName } from "./limits.ts";

export type Caller =
  | { kind: "public" }
  | { kind: "channel" }
  | { kind: "member"; memberId: string; sessionId: string }
  | { kind: "staff"; staffId: string; staff: Staff };
type CallerOf<A extends Caller["kind"]> = Extract<Caller, { kind: A }>;

type Shape = z.ZodObject | undefined;
/** A body is an object, or one of several told apart by an attribute. */
export type BodySchema = z.ZodObject | z.ZodDiscriminatedUnion;
type Parsed<S extends BodySchema | undefined> = S extends BodySchema ? z.output<S> : Record<string, never>;

export interface RouteRequest<A extends Caller["kind"], P, Q, B, R> {
  params: P;
  query: Q;
  body: B;
  actor: CallerOf<A>;
  /** Only of an idempotent route: stores the result as the answer to every repetition. */
  once: Once<R>;
  /** Lower-cased headers and the body as it came: for notifications, which are verified to the byte, and for files. */
  raw: { headers: Record<string, string | undefined>; body: string; bytes: Uint8Array };
}

/** A CSV file as an answer; `next` is the query of the rest, where a file does not hold all. */
export interface CsvFile {
  fileName: string;
  text: string;
  next?: string | undefined;
}

/** Roles that are not bound to stores: a staff row with one of these passes a store scope. */
export const chainRoles: readonly Role[] = ["admin", "ops", "finance", "customer_service", "analyst", "executive"];

/**
 * A route, declared once: the server, the OpenAPI document and the clients are made from it. Actor, ownership and (for staff)
 * roles and scope are part of the type: a route without them does not compile.
 */
export type RouteDeclaration<
  A extends Caller["kind"],
  P extends Shape,
  Q extends Shape,
  B extends BodySchema | undefined,
  O extends z.ZodType,
  R,
> = {
  method: "get" | "post" | "put" | "delete";
  path: `/${string}`;
  summary: string;
  description?: string;
  actor: A;
  /** What the path names must be the caller's own: the member itself, an order of the member's, or a community it leads. */
  owns: "none" | "self" | "order" | "community";
  /** An Idempotency-Key is required; the answer is kept 48 h. */
  idempotent?: boolean;
  /** How often a member may (limits.ts); of a public route the use case takes the token, once it knows who calls. */
  limit?: LimitName;
  params?: P;
  query?: Q;
  body?: B;
  /** The body is a CSV file, in `raw` (readCsv of csv.ts); then there is no `body`. */
  takesCsv?: boolean;
  /** The answer is a CSV file: `run` returns a CsvFile, `ok` is its text. */
  givesCsv?: boolean;
  status?: 200 | 201 | 204;
  ok: O;
  /** What this route may answer beyond what every route of its kind may. */
  problems: readonly ProblemCode[];
  /** Answers 304 when the caller's If-None-Match has it. */
  etag?: (result: NoInfer<R>) => string;
  /** The result as CSV, for who asks by `?format=csv` (`formatQuery`) or Accept: text/csv. */
  csv?: (result: NoInfer<R>) => Promise<CsvFile>;
  // `once` takes anything here: with R in the request it could not be inferred from what `run` returns.
  run(deps: Deps, request: RouteRequest<A, Parsed<P>, Parsed<Q>, Parsed<B>, unknown>): Promise<R>;
  view?: (result: NoInfer<R>, deps: Deps) => z.input<O>;
} & (A extends "staff"
  ? {
      roles: readonly Role[];
      scope: "chain" | "store";
      storeOf?: (deps: Deps, request: { params: Parsed<P>; body: Parsed<B> }) => string | Promise<string>;
    }
  : unknown);

/** A declared route as the server and the document see it. */
export interface Route {
  method: "get" | "post" | "put" | "delete";
  path: `/${string}`;
  summary: string;
  description?: string;
  actor: Caller["kind"];
  owns: "none" | "self" | "order" | "community";
  idempotent?: boolean;
  limit?: LimitName;
  roles?: readonly Role[];
  scope?: "chain" | "store";
  storeOf?: (deps: Deps, request: { params: unknown; body: unknown }) => string | Promise<string>;
  params?: z.ZodObject;
  query?: z.ZodObject;
  body?: BodySchema;
  takesCsv?: boolean;
  givesCsv?: boolean;
  status?: 200 | 201 | 204;
  ok: z.ZodType;
  problems: readonly ProblemCode[];
  etag?: (result: unknown) => string;
  csv?: (result: unknown) => Promise<CsvFile>;
  run(deps: Deps, request: RouteRequest<Caller["kind"], unknown, unknown, unknown, unknown>): Promise<unknown>;
  view?: (result: unknown, deps: Deps) => unknown;
}

export function route<
  A extends Caller["kind"],
  O extends z.ZodType,
  R,
  P extends Shape = undefined,
  Q extends Shape = undefined,
  B extends BodySchema | undefined = undefined,
>(declaration: RouteDeclaration<A, P, Q, B, O, R>): Route {
  const named = [...declaration.path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
  const given = Object.keys(declaration.params?.shape ?? {});
  if (named.join() !== given.join())
    throw new Error(`${declaration.method} ${declaration.path}: params must be ${named.join()}, not ${given.join()}`);
  if (declaration.owns === "order" && !named.includes("orderId"))
    throw new Error(`${declaration.path}: owns an order but names none`);
  if (declaration.owns === "community" && !named.includes("communityId"))
    throw new Error(`${declaration.path}: owns a community but names none`);
  const staffRoute = declaration as unknown as Route;
  if (declaration.actor === "staff" && staffRoute.scope === "store" && !staffRoute.storeOf)
    throw new Error(`${declaration.path}: scope "store" needs storeOf`);
  return staffRoute;
}

/** Query of a route that answers CSV as well. */
export const formatQuery = z.strictObject({
  format: z.enum(["json", "csv"]).optional().meta({ description: "csv, or Accept: text/csv, answers CSV (RFC 4180)" }),
});

/** Query of a list: how many, and where to go on. */
export const listQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(50).default(20).meta({ description: "Items a page, 1 to 50" }),
  cursor: text(0, 2000).optional().meta({ description: "nextCursor of the page before" }),
});
/** Answer of a list. */
export const listOf = <S extends z.ZodType>(item: S) =>
  z.object({
    items: z.array(item),
    nextCursor: z.string().optional().meta({ description: "Absent on the last page" }),
  });
