/** The ids of the pool. Each is a type of its own, so that one cannot be passed for another. */

declare const endpointId: unique symbol;
declare const clientId: unique symbol;
declare const dispatchId: unique symbol;
declare const coreKey: unique symbol;

/** An endpoint: a worker to a controller, a slot to a worker. */
export type EndpointId = number & { readonly [endpointId]: true };

/** A client: where jobs come from, and where their results go. */
export type ClientId = number & { readonly [clientId]: true };

/** One sending of one job to one endpoint. Never used twice, so that a late answer is recognized. */
export type DispatchId = number & { readonly [dispatchId]: true };

/** A compute core. */
export type CoreKey = string & { readonly [coreKey]: true };
