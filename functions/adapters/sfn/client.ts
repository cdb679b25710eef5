// Loaded on demand through here: of a package imported on demand itself, the bundler would keep everything.
export { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } from "@aws-sdk/client-sfn";
