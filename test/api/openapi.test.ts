import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openApiDocument } from "../../functions/api/openapi.ts";
import { allRoutes } from "../../functions/api/routes.ts";
import { problems } from "../../shared/kernel/problem-table.ts";

interface Operation {
  operationId: string;
  parameters?: { name: string; in: string; required?: boolean }[];
  security: Record<string, string[]>[];
  requestBody?: unknown;
  responses: Record<string, { content?: Record<string, { examples?: Record<string, { value: { status: number } }> }> }>;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown> };
}

const text = readFileSync(join(import.meta.dirname, "../../docs/openapi.json"), "utf8");
const document = JSON.parse(text) as Document;
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ name: `${method} ${path}`, path, operation })),
);

test("docs/openapi.json is what the routes make of it", () => {
  const made = `${JSON.stringify(openApiDocument(allRoutes), null, 1)}\n`;
  // A diff of two documents of this size helps nobody.
  expect(made === text, "docs/openapi.json is out of date: run `npm run openapi`").toBe(true);
});

test("every route is in it once, and nothing else", () => {
  const declared = allRoutes.map(({ method, path }) => `${method} ${path}`);
  expect(operations.map(({ name }) => name).sort()).toEqual(declared.sort());
  expect(new Set(declared).size).toBe(declared.length);
});

test("operation ids are unique and fit any generator", () => {
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[a-z][A-Za-z0-9]+$/);
});

test("every documented problem is in the table, under its status, and each route has some", () => {
  const seen = new Set<string>();
  for (const { operation } of operations) {
    let codes = 0;
    for (const [status, { content }] of Object.entries(operation.responses)) {
      for (const [code, { value }] of Object.entries(content?.["application/problem+json"]?.examples ?? {})) {
        expect(problems).toHaveProperty(code);
        expect(String(problems[code as keyof typeof problems].status)).toBe(status);
        expect(value.status).toBe(Number(status));
        seen.add(code);
        codes++;
      }
    }
    expect(codes).toBeGreaterThan(2);
  }
  expect(seen.size).toBeGreaterThan(50);
});

test("each path parameter is described, each POST that needs a key asks for one", () => {
  for (const { name, path, operation } of operations) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
    const described = (operation.parameters ?? []).filter((p) => p.in === "path");
    expect(described.map((p) => p.name)).toEqual(named);
    expect(described.every((p) => p.required)).toBe(true);
    const declared = allRoutes.find(({ method, path: of }) => `${method} ${of}` === name);
    const keyed = (operation.parameters ?? []).some((p) => p.in === "header" && p.name === "Idempotency-Key");
    expect(keyed).toBe(declared?.idempotent === true);
  }
});

test("the document is sound: references lead somewhere, who may call is said of every operation", () => {
  expect(document.openapi).toMatch(/^3\.1\./);
  const references = [...text.matchAll(/"\$ref": "#\/components\/schemas\/(\w+)"/g)].map((match) => match[1]!);
  expect(references.length).toBeGreaterThan(50);
  for (const name of references) expect(document.components.schemas).toHaveProperty(name);
  for (const { path, operation } of operations) {
    const schemes = operation.security.flatMap((one) => Object.keys(one));
    if (path.startsWith("/ops/")) expect(schemes).toEqual(["staff"]);
    else expect(schemes.filter((scheme) => scheme !== "member")).toEqual([]);
  }
});
