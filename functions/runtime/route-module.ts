import type { Route } from "./route.ts";

/**
 * Routes that are loaded together, with the first request below one of their paths: what a request does not need is not read.
 * `under` are beginnings of paths, segment by segment, with `*` for any one; the longest that fits names the module.
 */
export interface RouteModule {
  under: readonly string[];
  routes: () => Promise<readonly Route[]>;
}

/** The module that serves a path; undefined where none does. */
export function moduleAt(modules: readonly RouteModule[], path: string): RouteModule | undefined {
  const segments = path.split("/");
  let found: RouteModule | undefined;
  let longest = 0;
  for (const module of modules)
    for (const under of module.under) {
      const wanted = under.split("/");
      if (
        wanted.length <= longest ||
        !wanted.every((word, i) => i < segments.length && (word === "*" || word === segments[i]))
      )
        continue;
      found = module;
      longest = wanted.length;
    }
  return found;
}
