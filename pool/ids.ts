/** The ids of the pool. Each has a type of its own, so that they cannot be confused. */

declare const endpointId: unique symbol;
declare const clientId: unique symbol;
declare const dispatchId: unique symbol;
declare const coreKey: unique symbol;

/** An endpoint: a worker in a controller's pool, a slot in a worker's pool. */
export type EndpointId = number & { readonly [endpointId]: true };

/** A client: submits jobs and gets their results. */
export type ClientId = number & { readonly [clientId]: true };

/**
 * One dispatch of one job to one endpoint. Each endpoint counts its own, from 1 in the order of sending. No number is
 * used again there, so that a late answer is recognized.
 */
export type DispatchId = number & { readonly [dispatchId]: true };

/** A compute core. */
export type CoreKey = string & { readonly [coreKey]: true };
