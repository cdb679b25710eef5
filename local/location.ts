import { readFileSync } from "node:fs";
import { awsError } from "./aws-answer.ts";
import type { AwsAnswer, AwsService, PlatformClock, Template } from "./parts.ts";

/** A neighbourhood of the address book in wgs84 degrees, known to some 200 m; `store` marks sites the demo opens stores at. */
export interface Place {
  name: string;
  district: string;
  road: string;
  lat: number;
  lng: number;
  store?: boolean;
}

export const places = JSON.parse(
  readFileSync(new URL("./data/shanghai-places.json", import.meta.url), "utf8"),
) as Place[];

type Position = [lng: number, lat: number];

/** What the stand-in is told to do wrong. */
interface LocationFaults {
  /** `outage` answers 500, `throttle` 429, `validation` 400; for the next `count` calls, or until told otherwise. */
  fault: "none" | "outage" | "throttle" | "validation";
  count?: number;
  /** Each answer comes this many real ms late. */
  delayMs?: number;
  /** Cells of a matrix that are errors; a coordinate left out means all. */
  cells?: { departure?: number; destination?: number; code: CellError }[];
}
type CellError =
  | "RouteNotFound"
  | "RouteTooLong"
  | "PositionsNotFound"
  | "DestinationPositionNotFound"
  | "DeparturePositionNotFound"
  | "OtherValidationError";

export interface Location {
  service: AwsService;
  readonly faults: LocationFaults;
  setFaults(faults: LocationFaults): void;
}

/** Streets are longer than the great circle; the factor is a fixed guess, so that answers repeat. */
const detour = 1.35;
/** Kilometres per hour in a city. */
const speeds: Record<string, number> = { Car: 25, Truck: 20, Walking: 5, Bicycle: 14, Motorcycle: 25 };
const positionLimits: Record<string, number> = { Esri: 10, Here: 350, Grab: 350 };
const longestRouteKm = 400;

/**
 * Amazon Location v1 for the calculators and indexes of the template: CalculateRouteMatrix and SearchPlaceIndexForText.
 * Distances are great-circle times a fixed detour; nothing here is a measured road time, and `DataSource` says Local.
 */
export function createLocation(parts: { template: Template; clock: PlatformClock }): Location {
  const { template, clock } = parts;
  const named = (type: string, key: string): Map<string, string> =>
    new Map(template.byType(type).map(({ properties }) => [String(properties[key]), String(properties.DataSource)]));
  const calculators = named("AWS::Location::RouteCalculator", "CalculatorName");
  const indexes = named("AWS::Location::PlaceIndex", "IndexName");
  let faults: LocationFaults = { fault: "none" };

  const answers: {
    path: RegExp;
    resource: string;
    known: Map<string, string>;
    run: (input: Input, source: string) => AwsAnswer;
  }[] = [
    {
      path: /^\/routes\/v0\/calculators\/([^/]+)\/calculate\/route-matrix$/,
      resource: "calculator",
      known: calculators,
      run: (input, source) => routeMatrix(input, source, faults, clock.now()),
    },
    {
      path: /^\/places\/v0\/indexes\/([^/]+)\/search\/text$/,
      resource: "index",
      known: indexes,
      run: searchText,
    },
  ];

  return {
    get faults() {
      return faults;
    },
    setFaults(next) {
      faults = next;
    },
    async service({ path, body }) {
      if (faults.delayMs) await new Promise((resolve) => setTimeout(resolve, faults.delayMs));
      if (faults.fault !== "none") {
        const { fault } = faults;
        if (faults.count !== undefined) {
          const count = faults.count - 1;
          faults = count > 0 ? { ...faults, count } : { ...faults, fault: "none" };
        }
        if (fault === "throttle") return awsError("ThrottlingException", "Too many requests", 429);
        if (fault === "validation") return invalid("UnknownField", "Refused by the sandbox.");
        return awsError("InternalServerException", "The sandbox plays an outage.", 500);
      }
      for (const { path: pattern, resource, known, run } of answers) {
        const name = pattern.exec(path)?.[1];
        if (name === undefined) continue;
        const source = known.get(decodeURIComponent(name));
        if (source === undefined)
          return awsError("ResourceNotFoundException", `There is no ${resource} ${name} in the template.`, 404);
        let input: Input;
        try {
          input = JSON.parse(body.toString() || "{}") as Input;
        } catch {
          return invalid("CannotParse", "The body is no JSON.");
        }
        return run(input, source);
      }
      return awsError("UnknownOperationException", `The embedded default has no Location call at ${path}.`, 404);
    },
  };
}

interface Input {
  DeparturePositions?: Position[];
  DestinationPositions?: Position[];
  TravelMode?: string;
  DepartureTime?: string;
  DepartNow?: boolean;
  DistanceUnit?: string;
  Text?: string;
  BiasPosition?: Position;
  FilterBBox?: [number, number, number, number];
  FilterCountries?: string[];
  MaxResults?: number;
  Language?: string;
}

function ok(value: unknown): AwsAnswer {
  return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}

/** Location's ValidationException: a reason and the fields. */
function invalid(
  reason: "Missing" | "CannotParse" | "FieldValidationFailed" | "UnknownField" | "Other",
  message: string,
  field = "",
): AwsAnswer {
  return awsError("ValidationException", message, 400, {
    reason,
    fieldList: field === "" ? [] : [{ name: field, message }],
  });
}

function isPosition(value: unknown): value is Position {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [lng, lat] = value as number[];
  return Number.isFinite(lng) && Number.isFinite(lat) && Math.abs(lng!) <= 180 && Math.abs(lat!) <= 90;
}

function routeMatrix(input: Input, source: string, faults: LocationFaults, now: number): AwsAnswer {
  const limit = positionLimits[source] ?? 10;
  for (const field of ["DeparturePositions", "DestinationPositions"] as const) {
    const list = input[field];
    if (list === undefined) return invalid("Missing", `${field} is missing.`, field);
    if (list.length < 1 || list.length > limit) {
      return invalid(
        "FieldValidationFailed",
        `${field} holds ${list.length} positions; ${source} takes 1 to ${limit}.`,
        field,
      );
    }
    if (!list.every(isPosition))
      return invalid("FieldValidationFailed", `${field} must hold [longitude, latitude] pairs.`, field);
  }
  const mode = input.TravelMode ?? "Car";
  const speed = speeds[mode];
  if (speed === undefined || (source !== "Grab" && (mode === "Bicycle" || mode === "Motorcycle"))) {
    return invalid("FieldValidationFailed", `TravelMode ${mode} is not offered by ${source}.`, "TravelMode");
  }
  if (input.DepartNow && input.DepartureTime !== undefined) {
    return invalid("FieldValidationFailed", "DepartNow and DepartureTime exclude each other.", "DepartureTime");
  }
  // A minute's grace: the caller's clock and this one read at different moments.
  if (input.DepartureTime !== undefined && !(Date.parse(input.DepartureTime) > now - 60_000)) {
    return invalid("FieldValidationFailed", "DepartureTime must be in the future.", "DepartureTime");
  }
  const unit = input.DistanceUnit ?? "Kilometers";
  if (unit !== "Kilometers" && unit !== "Miles")
    return invalid("FieldValidationFailed", `DistanceUnit ${unit} is unknown.`, "DistanceUnit");
  let errors = 0;
  const matrix = input.DeparturePositions!.map((from, departure) =>
    input.DestinationPositions!.map((to, destination) => {
      const km = (metres(from, to) / 1000) * detour;
      const told = faults.cells?.find(
        (cell) => (cell.departure ?? departure) === departure && (cell.destination ?? destination) === destination,
      )?.code;
      const code = told ?? (km > longestRouteKm ? "RouteTooLong" : undefined);
      if (code) {
        errors++;
        return { Error: { Code: code, Message: `${code} (Local)` } };
      }
      return {
        Distance: rounded(unit === "Miles" ? km / 1.609344 : km),
        DurationSeconds: Math.round((km / speed) * 3600),
      };
    }),
  );
  return ok({
    RouteMatrix: matrix,
    SnappedDeparturePositions: input.DeparturePositions,
    SnappedDestinationPositions: input.DestinationPositions,
    Summary: {
      DataSource: "Local",
      RouteCount: matrix.length * input.DestinationPositions!.length,
      ErrorCount: errors,
      DistanceUnit: unit,
    },
  });
}

function searchText(input: Input): AwsAnswer {
  const { Text = "", BiasPosition, FilterBBox, FilterCountries, MaxResults = 50, Language = "zh" } = input;
  if (Text === "" || Array.from(Text).length > 200)
    return invalid("FieldValidationFailed", "Text must have 1 to 200 characters.", "Text");
  if (BiasPosition && FilterBBox)
    return invalid("FieldValidationFailed", "BiasPosition and FilterBBox exclude each other.", "FilterBBox");
  if (BiasPosition && !isPosition(BiasPosition)) {
    return invalid("FieldValidationFailed", "BiasPosition must be [longitude, latitude].", "BiasPosition");
  }
  if (!Number.isInteger(MaxResults) || MaxResults < 1 || MaxResults > 50) {
    return invalid("FieldValidationFailed", "MaxResults must be 1 to 50.", "MaxResults");
  }
  const here = !FilterCountries || FilterCountries.includes("CHN");
  const results = (here ? places : [])
    .map((place) => ({
      place,
      relevance: relevance(place, Text),
      away: BiasPosition ? metres(BiasPosition, [place.lng, place.lat]) : undefined,
    }))
    .filter(({ relevance }) => relevance > 0)
    .filter(({ place: { lng, lat } }) => {
      if (!FilterBBox) return true;
      const [west, south, east, north] = FilterBBox;
      return lng >= west && lng <= east && lat >= south && lat <= north;
    })
    .sort((a, b) => b.relevance - a.relevance || (a.away ?? 0) - (b.away ?? 0))
    .slice(0, MaxResults);
  return ok({
    Results: results.map(({ place, relevance, away }) => ({
      Place: {
        Label: `上海市${place.district}${place.road}（${place.name}）`,
        Geometry: { Point: [place.lng, place.lat] },
        Street: place.road,
        Neighborhood: place.name,
        SubMunicipality: place.district,
        Municipality: "上海市",
        Region: "上海市",
        Country: "CHN",
        Interpolated: false,
      },
      PlaceId: `local-${places.indexOf(place)}`,
      Relevance: relevance,
      ...(away === undefined ? {} : { Distance: Math.round(away) }),
    })),
    Summary: {
      DataSource: "Local",
      Text,
      MaxResults,
      Language,
      ...(BiasPosition ? { BiasPosition } : {}),
      ...(FilterBBox ? { FilterBBox } : {}),
      ...(FilterCountries ? { FilterCountries } : {}),
    },
  });
}

/** 0 for no match, up to 1: a neighbourhood's name tells most, then its road, then its district. */
function relevance(place: Place, text: string): number {
  // House, lane and room numbers, city and country tell nothing here.
  const asked = text.replace(/中国|上海市?|\d+(弄|号楼?|室|幢|栋|单元)|[\s,，（）()]/g, "");
  if (asked === "") return 0;
  const rest = asked.replace(place.district, "").replace(place.district.slice(0, -1), "");
  const inDistrict = rest.length < asked.length ? 0.05 : 0;
  if (rest === "") return 0.3;
  if (rest === place.name || rest === place.road) return 0.95 + inDistrict;
  if (rest.includes(place.name)) return 0.9 + inDistrict;
  if (rest.includes(place.road)) return 0.85 + inDistrict;
  if (place.name.includes(rest) || place.road.includes(rest)) return 0.7 + inDistrict;
  const shared = Math.max(longestShared(rest, place.name), longestShared(rest, place.road));
  return shared >= 2 ? rounded(0.6 * (shared / Math.max(rest.length, 3)) + inDistrict) : 0;
}

/** Length of the longest run of characters two words share. */
function longestShared(a: string, b: string): number {
  for (let length = Math.min(a.length, b.length); length > 0; length--) {
    for (let start = 0; start + length <= a.length; start++)
      if (b.includes(a.slice(start, start + length))) return length;
  }
  return 0;
}

/** Great-circle distance in metres. */
function metres([lngA, latA]: Position, [lngB, latB]: Position): number {
  const rad = Math.PI / 180;
  const s =
    Math.sin(((latB - latA) * rad) / 2) ** 2 +
    Math.cos(latA * rad) * Math.cos(latB * rad) * Math.sin(((lngB - lngA) * rad) / 2) ** 2;
  return 2 * 6_371_008.8 * Math.asin(Math.min(1, Math.sqrt(s)));
}

function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
