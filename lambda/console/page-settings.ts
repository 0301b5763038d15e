/** Identity of the console's users: how the page gets a token. */
export type PageIdentity =
  /** The local server's test tokens. */
  | { readonly kind: 'dev' }
  /** A Keystone that the browser calls. */
  | {
      readonly kind: 'keystone';
      /** URL of version 3 of the identity API, without a slash at the end. */
      readonly url: string;
    }
  /** An OpenID Connect issuer: the authorization code flow of a public client. */
  | {
      readonly kind: 'oidc';
      readonly issuer: string;
      readonly clientId: string;
      /** Requested scope, such as `openid`. */
      readonly scope: string;
    }
  /** Tokens that the user gets elsewhere. */
  | { readonly kind: 'token' }
  /** The service refuses every token. */
  | { readonly kind: 'none' };

/** Settings of the page, the content of `settings.json`. They are public. */
export interface PageSettings {
  readonly identity: PageIdentity;
}
