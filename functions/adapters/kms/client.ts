// Loaded on demand through here: of a package imported on demand itself, the bundler would keep everything.
export { DecryptCommand, GenerateDataKeyCommand, KMSClient } from "@aws-sdk/client-kms";
