// Loaded on demand through here: of a package imported on demand itself, the bundler would keep everything.
export {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
