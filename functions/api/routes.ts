import type { Route } from "../runtime/route.ts";
import type { RouteModule } from "../runtime/route-module.ts";
import { hooksModules } from "./hooks-routes.ts";
import { opsModules } from "./ops-routes.ts";
import { shopModules } from "./shop-routes.ts";

export const allModules: readonly RouteModule[] = [...shopModules, ...opsModules, ...hooksModules];

/** Every route of the platform; a function imports its own alone. */
export const allRoutes: readonly Route[] = (await Promise.all(allModules.map((module) => module.routes()))).flat();
