// Loaded on demand through here: of a package imported on demand itself, the bundler would keep everything.
export { CalculateRouteMatrixCommand, LocationClient, SearchPlaceIndexForTextCommand } from "@aws-sdk/client-location";
