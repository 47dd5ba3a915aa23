/**
 * Asks the Linux kernel which user made the socket at one end of a connection: one exact query of the family
 * NETLINK_SOCK_DIAG, which takes some microseconds. `/proc/net/tcp` would list all connections of the machine.
 */

import { Buffer } from "node:buffer";
import { CLOSE, CONNECT, READ, SOCKET, WRITE } from "./c_declarations.ts";
import type { CFunction } from "./c_functions.ts";
import { MAPPED_PREFIX } from "../network/loopback_address.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const IPPROTO_TCP = 6;
const SOCK_RAW = 3;
/** Processes that this one starts do not get the socket. */
const SOCK_CLOEXEC = 0o2000000;
/** The kernel answers before `write` returns. So nothing ever waits for an answer. */
const SOCK_NONBLOCK = 0o4000;
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST = 1;
/** Stands for any cookie. */
const INET_DIAG_NOCOOKIE = 0xffff_ffff;

/** Bytes of `struct nlmsghdr`, `struct inet_diag_sockid`, `struct inet_diag_req_v2` and `struct inet_diag_msg`. */
const HEADER_BYTES = 16;
const SOCKET_ID_BYTES = 48;
const REQUEST_BYTES = HEADER_BYTES + 8 + SOCKET_ID_BYTES;
const ANSWER_BYTES = HEADER_BYTES + 4 + SOCKET_ID_BYTES + 20;
/** An answer has attributes behind it, some hundred bytes. What is cut off is not needed. */
const READ_BYTES = 4096;
/** Answers to earlier queries that were not read. There should be none. */
const STALE_ANSWERS_MAX = 8;

/** Where a message has the id of the socket. */
const REQUEST_ID_AT = HEADER_BYTES + 8;
const ANSWER_ID_AT = HEADER_BYTES + 4;
/** Where the id of a socket has its addresses and its cookie. */
const SOURCE_AT = 4;
const DESTINATION_AT = 20;
const COOKIE_AT = 40;
/** Where an answer has the state of the socket, its user and its inode. */
const STATE_AT = HEADER_BYTES + 1;
const USER_AT = ANSWER_ID_AT + SOCKET_ID_BYTES + 12;
const INODE_AT = USER_AT + 4;

/**
 * The states of a socket that is connected: ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT. A socket that listens, or
 * that is only trying to connect, is not the other end of a connection, though it may have its addresses.
 */
const CONNECTED_STATES = [1, 4, 5, 8];

/**
 * The states of a connection that no process has accepted yet: ESTABLISHED, and SYN_RECV where the queue of the socket
 * that listens is full. The kernel shows inode 0 for it. In any other state, inode 0 is of a socket that was closed.
 */
const UNACCEPTED_STATES = [1, 3];

/** Declares what a query calls. */
export const DIAGNOSIS_FUNCTIONS: Readonly<Record<string, CFunction>> = {
  socket: SOCKET,
  connect: CONNECT,
  write: WRITE,
  read: READ,
  close: CLOSE,
};

/** The functions that `DIAGNOSIS_FUNCTIONS` declares. No call keeps a buffer. */
export interface DiagnosisLibrary {
  socket(domain: number, type: number, protocol: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  write(fd: number, bytes: Uint8Array, count: number): number;
  read(fd: number, into: Uint8Array, count: number): number;
  close(fd: number): number;
}

/** One end of a connection: an address of 16 bytes, an IPv4 address as a mapped one, and a port. */
export interface SocketEnd {
  readonly address: readonly number[];
  readonly port: number;
}

/** The id of the user that made a socket, if there is one. */
export type SocketUser = number | "unaccepted" | "closed" | undefined;

/** A socket that asks the kernel about others. It stays open: a query must not fail because no descriptor is free. */
export class SocketDiagnosis {
  readonly #library: DiagnosisLibrary;
  readonly #fd: number;
  readonly #answer = Buffer.alloc(READ_BYTES);
  #lastQuery = 0;

  private constructor(library: DiagnosisLibrary, fd: number) {
    this.#library = library;
    this.#fd = fd;
  }

  /** `undefined` if the kernel has no such sockets, or none is free. */
  static open(library: DiagnosisLibrary): SocketDiagnosis | undefined {
    const type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
    const fd = library.socket(AF_NETLINK, type, NETLINK_SOCK_DIAG);
    if (fd < 0) return undefined;
    // Connected to the kernel (port 0), it takes messages of no process.
    const kernel = Buffer.alloc(12); // struct sockaddr_nl
    kernel.writeUInt16LE(AF_NETLINK);
    if (library.connect(fd, kernel, kernel.byteLength) === 0) {
      return new SocketDiagnosis(library, fd);
    }
    library.close(fd);
    return undefined;
  }

  /**
   * The user that made the socket at the end `from` of a connection with `to`. `undefined` if no process has a
   * connected socket there. Until one has accepted the connection, and after it has closed it, the kernel shows inode 0
   * and, often, user 0.
   */
  userOf(from: SocketEnd, to: SocketEnd): SocketUser {
    const query = this.#lastQuery = (this.#lastQuery + 1) >>> 0;
    const request = requestOf(query, from, to);
    const { byteLength } = request;
    if (this.#library.write(this.#fd, request, byteLength) !== byteLength) return undefined;
    for (let read = 0; read <= STALE_ANSWERS_MAX; read++) {
      const bytes = this.#library.read(this.#fd, this.#answer, READ_BYTES);
      if (bytes < HEADER_BYTES) return undefined;
      if (this.#answer.readUInt32LE(8) === query) {
        return userIn(this.#answer.subarray(0, bytes), from, to);
      }
    }
    return undefined;
  }
}

function requestOf(query: number, from: SocketEnd, to: SocketEnd): Buffer<ArrayBuffer> {
  const isIpv4 = isMapped(from.address);
  const request = Buffer.alloc(REQUEST_BYTES);
  request.writeUInt32LE(REQUEST_BYTES, 0);
  request.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
  request.writeUInt16LE(NLM_F_REQUEST, 6);
  request.writeUInt32LE(query, 8);
  request[HEADER_BYTES] = isIpv4 ? AF_INET : AF_INET6;
  request[HEADER_BYTES + 1] = IPPROTO_TCP;
  request.writeUInt32LE(0xffff_ffff, HEADER_BYTES + 4); // all states
  const id = request.subarray(REQUEST_ID_AT);
  id.writeUInt16BE(from.port, 0);
  id.writeUInt16BE(to.port, 2);
  id.set(isIpv4 ? from.address.slice(12) : from.address, SOURCE_AT);
  id.set(isIpv4 ? to.address.slice(12) : to.address, DESTINATION_AT);
  id.writeUInt32LE(INET_DIAG_NOCOOKIE, COOKIE_AT);
  id.writeUInt32LE(INET_DIAG_NOCOOKIE, COOKIE_AT + 4);
  return request;
}

function userIn(answer: Buffer, from: SocketEnd, to: SocketEnd): SocketUser {
  if (answer.readUInt16LE(4) !== SOCK_DIAG_BY_FAMILY || answer.byteLength < ANSWER_BYTES) {
    return undefined; // an error: there is no such socket
  }
  // The kernel falls back to a socket that listens at the address. So the answer must name both ends.
  const id = answer.subarray(ANSWER_ID_AT);
  const isIpv4 = answer[HEADER_BYTES] === AF_INET;
  if (id.readUInt16BE(0) !== from.port || id.readUInt16BE(2) !== to.port) return undefined;
  if (!isAddress(id, SOURCE_AT, isIpv4, from.address)) return undefined;
  if (!isAddress(id, DESTINATION_AT, isIpv4, to.address)) return undefined;
  const state = answer[STATE_AT] ?? 0;
  if (answer.readUInt32LE(INODE_AT) === 0) {
    return UNACCEPTED_STATES.includes(state) ? "unaccepted" : "closed";
  }
  return CONNECTED_STATES.includes(state) ? answer.readUInt32LE(USER_AT) : undefined;
}

/** Whether the id of a socket has this address at `at`. A socket for IPv6 shows an IPv4 address as a mapped one. */
function isAddress(
  id: Buffer,
  at: number,
  isIpv4: boolean,
  address: readonly number[],
): boolean {
  const found = isIpv4 ? [...MAPPED_PREFIX, ...id.subarray(at, at + 4)] : [
    ...id.subarray(at, at + 16),
  ];
  return found.every((byte, index) => byte === address[index]);
}

function isMapped(address: readonly number[]): boolean {
  return MAPPED_PREFIX.every((byte, index) => byte === address[index]);
}
