import type { LocationClient } from "@aws-sdk/client-location";
import * as z from "zod";
import type { Geocoder, RoutePlanner } from "../../../shared/fulfilment/ports.ts";
import type { Point } from "../../../shared/kernel/geo.ts";
import { DomainError } from "../../../shared/kernel/problem.ts";

/** Made by the template; the two URLs are set where something stands in for AWS. */
const environment = z.object({
  ROUTE_CALCULATOR: z.string().min(1).optional(),
  PLACE_INDEX: z.string().min(1).optional(),
  AWS_ENDPOINT_URL_LOCATION: z.string().optional(),
  AWS_ENDPOINT_URL: z.string().optional(),
});

export interface LocationOptions {
  /** `process.env` of the function; what a function is not given it can't ask for. */
  environment: Record<string, string | undefined>;
  /** Told of each call that failed for good, so that a wrong name or a missing right does not hide behind the straight line. */
  onFailure?: (failure: { call: "CalculateRouteMatrix" | "SearchPlaceIndexForText"; error: Error }) => void;
  /** Of one attempt, ms. */
  timeoutMs?: number;
}

/** Attempts of one call: the SDK itself makes one, so at most two requests of 2 s each leave for a question. */
const ATTEMPTS = 2;

const wholeNumber = z.number().min(0).transform(Math.round);
const kilometres = z.number().min(0).max(40_000);
const cell = z.union([
  z
    .object({ Distance: kilometres, DurationSeconds: wholeNumber, Error: z.undefined().optional() })
    .transform(({ Distance, DurationSeconds }) => ({
      distanceM: Math.round(Distance * 1000),
      durationS: DurationSeconds,
    })),
  z.object({ Error: z.object({ Code: z.string().optional() }) }).transform(() => undefined),
]);
const matrixAnswer = z.object({
  RouteMatrix: z.tuple([z.array(cell)]),
  Summary: z.object({ DistanceUnit: z.literal("Kilometers") }),
});
const placeAnswer = z.object({
  Results: z.array(
    z.object({
      Place: z.object({
        Label: z.string(),
        Geometry: z.object({ Point: z.tuple([z.number().min(-180).max(180), z.number().min(-90).max(90)]) }),
      }),
      // Only geocoders that match addresses tell it; the others list what they are sure of.
      Relevance: z.number().min(0).max(1).default(1),
    }),
  ),
});

/** Degrees to four places, some 11 m: enough to find the street, too little to find the door. */
const rounded = ({ lat, lng, datum }: Point): [lng: number, lat: number] => {
  if (datum !== "wgs84") throw new RangeError(`Amazon Location speaks wgs84, not ${datum}: convert with toWgs84`);
  return [Math.round(lng * 1e4) / 1e4, Math.round(lat * 1e4) / 1e4];
};

const transient = (error: unknown): boolean => {
  const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  return status === undefined || status >= 500 || status === 429 || name === "ThrottlingException";
};

/**
 * Amazon Location (the first generation of its API) behind the ports of routing. The SDK is loaded on the first call, so that
 * only requests that need it pay for it. Sends rounded coordinates or the address text, and nothing that names a person.
 */
export function createLocation(options: LocationOptions): { planner: RoutePlanner; geocoder: Geocoder } {
  const { ROUTE_CALCULATOR, PLACE_INDEX, ...endpoint } = environment.parse(options.environment);
  const timeoutMs = options.timeoutMs ?? 2000;
  let loaded: Promise<LocationClient> | undefined;
  const sdk = () => import("./client.ts");
  const client = () => {
    loaded ??= sdk().then(
      ({ LocationClient }) =>
        new LocationClient({
          maxAttempts: 1,
          // The SDK puts "routes." or "places." before the host, also before 127.0.0.1.
          disableHostPrefix: Boolean(endpoint.AWS_ENDPOINT_URL_LOCATION || endpoint.AWS_ENDPOINT_URL),
        }),
    );
    return loaded;
  };
  const twice = async <T>(attempt: (abortSignal: AbortSignal) => Promise<T>): Promise<T> => {
    for (let round = 1; ; round++) {
      try {
        return await attempt(AbortSignal.timeout(timeoutMs));
      } catch (error) {
        if (round >= ATTEMPTS || !transient(error)) throw error;
      }
    }
  };

  return {
    planner: {
      async matrix(from, to) {
        if (to.length === 0) return [];
        if (to.length > 8) throw new RangeError(`${to.length} destinations: at most 8 are asked about`);
        const input = {
          CalculatorName: ROUTE_CALCULATOR,
          DeparturePositions: [rounded(from)],
          DestinationPositions: to.map(rounded),
          TravelMode: "Car" as const,
          DistanceUnit: "Kilometers" as const,
        };
        try {
          if (!ROUTE_CALCULATOR) throw new Error("set ROUTE_CALCULATOR: this function has no route calculator");
          const [{ CalculateRouteMatrixCommand }, location] = await Promise.all([sdk(), client()]);
          const answer = await twice((abortSignal) =>
            location.send(new CalculateRouteMatrixCommand(input), { abortSignal }),
          );
          const [row] = matrixAnswer.parse(answer).RouteMatrix;
          if (row.length !== to.length) throw new Error(`asked about ${to.length} places, answered ${row.length}`);
          return row;
        } catch (error) {
          options.onFailure?.({ call: "CalculateRouteMatrix", error: error as Error });
          return undefined;
        }
      },
    },

    geocoder: {
      async geocode(text, bias) {
        const input = {
          IndexName: PLACE_INDEX,
          Text: Array.from(text).slice(0, 200).join(""),
          ...(bias && { BiasPosition: rounded(bias) }),
          FilterCountries: ["CHN"],
          Language: "zh-CN",
          MaxResults: 1,
        };
        try {
          if (!PLACE_INDEX) throw new Error("set PLACE_INDEX: this function has no place index");
          const [{ SearchPlaceIndexForTextCommand }, location] = await Promise.all([sdk(), client()]);
          const answer = await twice((abortSignal) =>
            location.send(new SearchPlaceIndexForTextCommand(input), { abortSignal }),
          );
          const best = placeAnswer.parse(answer).Results[0];
          if (!best) return undefined;
          const [lng, lat] = best.Place.Geometry.Point;
          return { point: { lat, lng, datum: "wgs84" }, label: best.Place.Label, relevance: best.Relevance };
        } catch (error) {
          options.onFailure?.({ call: "SearchPlaceIndexForText", error: error as Error });
          throw new DomainError("TRY_AGAIN", "Amazon Location does not answer");
        }
      },
    },
  };
}
