/**
 * Takes the place of the SDK's own search for credentials in the bundles (infra/bundle.ts): Lambda gives a function its
 * credentials in the environment and nowhere else, so profiles, single sign-on and metadata services need not be carried along.
 */
export const defaultProvider = () => async () => {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = process.env;
  if (!accessKeyId || !secretAccessKey)
    throw new Error("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: Lambda gives them to a function");
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
};
