/** Set by the build; a checkout runs as `dev`. */
declare const ARGOEXEC_VERSION: string | undefined;

export const version: string = typeof ARGOEXEC_VERSION === "string" ? ARGOEXEC_VERSION : "dev";
