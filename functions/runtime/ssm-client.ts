// Loaded on demand through here: of a package imported on demand itself, the bundler would keep everything.
export { GetParametersCommand, SSMClient } from "@aws-sdk/client-ssm";
