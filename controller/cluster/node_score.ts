/**
 * How far a node can be trusted when a job fails there: sequential tests of "this node is good" against "this node
 * fails at least half of the good jobs", in bits of evidence.
 *
 * A pass counts +1, because a bad node passes at most half as many. A failure counts -log2((1 + q) / 2q), where q is
 * the part of their jobs that other nodes fail: -5.7 if hardly any job fails there, -2.5 for a tenth, -0.6 for half.
 * A failure is taken back if the job fails elsewhere as well, and counts -8 if it passes elsewhere.
 *
 * So a node that fails half of the good jobs reaches a score of 12 with a probability of 2^-12 at most. Scores are
 * capped, so that a node that breaks later is noticed after one to three failures.
 */

/** A node with this score has passed enough jobs that others are compared with it. */
const PROVEN_SCORE = 4;

/** A node with this score is most certainly good. */
export const RELIABLE_SCORE = 12;

/** A node with this score has failed four jobs more than it can be expected to. */
const STANDS_OUT_SCORE = -17;

/** If this many recent failures of a node were confirmed by others, its jobs are probably bad ones. */
const CONFIRMED_MAX = 4;

/** The highest score leaves room for one failure, or a few where many jobs fail, but not for a row of them. */
const SCORE_MAX = 17;

/** The lowest score: a node that was bad for long should recover within a few jobs once it is repaired. */
const SCORE_MIN = -16;

/** What a failure counts when the job has passed elsewhere. */
const REFUTED_BITS = 8;

/** What a failure counts that others confirm while no job of the run has passed: the core fails, and all agree. */
const AGREED_BITS = 0.5;

/** The part of jobs that good nodes are thought to fail, as long as nothing is known. */
export const FAILING_PART = 0.01;

/** If a larger part of the jobs fails, good and bad nodes can hardly be told apart. */
const FAILING_PART_MAX = 0.4;

/** In a comparison of nodes, a job that has passed elsewhere counts as this many that are undecided. */
const REFUTED_WEIGHT = 4;

/** With fewer answers, the part of failures means nothing. */
const ANSWERS_MIN = 8;

/** Rates are taken over about this many answers, so that a long past does not hide that a node has broken. */
const RECENT_ANSWERS = 64;

/** The score of one node. */
export class NodeScore {
  /** Evidence from decided jobs. */
  #decidedBits = 0;
  /** Evidence from all jobs, each failure with its weight at that time. */
  #allBits = 0;
  /** Jobs that have failed here and are not decided yet. */
  #undecided = 0;
  #undecidedBits = 0;
  #firstTries = 0;
  #firstFailed = 0;
  #recentAnswers = 0;
  #recentPassed = 0;
  /** Recent jobs that failed here and passed elsewhere. */
  #recentRefuted = 0;
  /** Recent jobs that failed here and elsewhere. */
  #recentConfirmed = 0;
  #refuted = 0;

  /** Evidence for the choice of a node: an undecided failure counts as much as a pass. */
  get value(): number {
    return this.#decidedBits - this.#undecided;
  }

  /** There is evidence against it. */
  get isDoubtful(): boolean {
    return this.value < 0;
  }

  /** It has passed enough jobs that others are compared with it. */
  get isProven(): boolean {
    return this.value >= PROVEN_SCORE;
  }

  /** Others may fail as many jobs as this node: it has passed some, and no job that it failed passed elsewhere. */
  get isComparable(): boolean {
    return this.#decidedBits >= PROVEN_SCORE && this.#firstTries >= ANSWERS_MIN && !this.hasRefuted;
  }

  /** Recent jobs that it got first, and how many of them it has failed. Jobs that it got later are worse. */
  get firstTries(): number {
    return this.#firstTries;
  }

  get firstFailed(): number {
    return this.#firstFailed;
  }

  /** It fails jobs at a rate that others do not, and most of them are not known to be bad ones. */
  get standsOut(): boolean {
    return this.#allBits <= STANDS_OUT_SCORE && this.#recentConfirmed < CONFIRMED_MAX;
  }

  /**
   * What recent jobs say of it, in bits. `failingPart`: the part of its jobs that the best node fails. This part is
   * most likely bad jobs, so that a node may fail as many.
   */
  reliability(failingPart: number): number {
    return this.#recentPassed - this.#undecided * bitsOfFailure(failingPart) -
      REFUTED_BITS * this.#recentRefuted;
  }

  /**
   * The part of its recent jobs that it has failed, less a standard error. With few answers, it might be a node
   * that fails none.
   */
  get failingPart(): number {
    return this.#firstTries < ANSWERS_MIN
      ? FAILING_PART
      : partOf(this.#firstFailed, this.#firstTries);
  }

  /** How many recent jobs it has passed for each that it has failed and that may have been good; 1 at first. */
  get passedPerFailed(): number {
    const failed = REFUTED_WEIGHT * this.#recentRefuted + this.#undecided;
    return (this.#recentPassed + 0.5) / (failed + 0.5);
  }

  /** It fails jobs at no higher rate than the others: a job that it fails has failed. */
  get isTrusted(): boolean {
    return this.#allBits >= RELIABLE_SCORE && !this.hasRefuted;
  }

  /** How many recent jobs it has answered. */
  get recentAnswers(): number {
    return this.#recentAnswers;
  }

  /** How many recent jobs failed here and passed elsewhere. */
  get recentRefuted(): number {
    return this.#recentRefuted;
  }

  /** Whether a recent job failed here and passed elsewhere. */
  get hasRefuted(): boolean {
    return this.#recentRefuted >= 0.5;
  }

  /** How many jobs failed here and passed elsewhere, since it was used again last. */
  get refuted(): number {
    return this.#refuted;
  }

  /** How many of its failures are not decided yet. */
  get undecided(): number {
    return this.#undecided;
  }

  /** A job has passed. */
  onPassed(isFirst = true): void {
    if (isFirst) this.#onFirstTry();
    if (this.#decidedBits < SCORE_MAX) this.#decidedBits += 1;
    if (this.#allBits < SCORE_MAX) this.#allBits += 1;
    this.#recentPassed += 1;
    this.#onAnswer();
  }

  /** A job has failed, which counts `bits` against the node. One of the four events below follows. */
  onFailed(bits: number, isFirst = true): void {
    if (isFirst) {
      this.#onFirstTry();
      this.#firstFailed += 1;
    }
    this.#undecided += 1;
    this.#undecidedBits += bits;
    this.#addToAll(-bits);
    this.#onAnswer();
  }

  /** Each undecided failure counts `bits` from now on, as more is known about the jobs. */
  reweigh(bits: number): void {
    const before = this.#undecidedBits;
    this.#undecidedBits = bits * this.#undecided;
    this.#addToAll(before - this.#undecidedBits);
  }

  /** The job has failed on other nodes as well. `isAlways`: no job of the run has passed so far. */
  onConfirmed(isAlways: boolean): void {
    this.#recentConfirmed += 1;
    // Where jobs pass, that says nothing of the node: a bad one fails bad jobs, too.
    this.#addToAll(this.#takeUndecided() + (isAlways ? AGREED_BITS : 0));
  }

  /** The job has passed on another node. */
  onRefuted(): void {
    this.#recentRefuted += 1;
    this.#refuted += 1;
    this.#decidedBits = limited(this.#decidedBits - REFUTED_BITS);
    this.#addToAll(this.#takeUndecided() - REFUTED_BITS);
  }

  /** The job has failed, and no other node was asked. */
  onAccepted(): void {
    this.#takeUndecided();
    this.#decidedBits = limited(this.#decidedBits - 1);
  }

  /** Nobody will know. */
  onForgotten(): void {
    this.#addToAll(this.#takeUndecided());
  }

  /** It is given another chance: what happened before counts no more. */
  reset(): void {
    this.#decidedBits = 0;
    this.#allBits = -this.#undecidedBits;
    this.#refuted = 0;
    this.#firstTries = this.#firstFailed = 0;
    this.#recentAnswers = this.#recentPassed = 0;
    this.#recentRefuted = this.#recentConfirmed = 0;
  }

  /** A failure is decided. Returns what it counted. */
  #takeUndecided(): number {
    const bits = this.#undecidedBits / this.#undecided;
    this.#undecided -= 1;
    this.#undecidedBits = this.#undecided * bits;
    return bits;
  }

  /** What is undecided may be taken back, so that the limit does not apply to it. */
  #addToAll(bits: number): void {
    const min = SCORE_MIN - this.#undecidedBits;
    this.#allBits = Math.max(min, Math.min(SCORE_MAX, this.#allBits + bits));
  }

  #onFirstTry(): void {
    this.#firstTries += 1;
    if (this.#firstTries <= RECENT_ANSWERS) return;
    this.#firstTries /= 2;
    this.#firstFailed /= 2;
  }

  #onAnswer(): void {
    this.#recentAnswers += 1;
    if (this.#recentAnswers <= RECENT_ANSWERS) return;
    this.#recentAnswers /= 2;
    this.#recentPassed /= 2;
    this.#recentRefuted /= 2;
    this.#recentConfirmed /= 2;
  }
}

/** How much a failure says against a node, if this part of the jobs fails on good nodes. */
export function bitsOfFailure(failingPart: number): number {
  return Math.log2((1 + failingPart) / (2 * failingPart));
}

/** The part of the answers that are failures, less a standard error. */
export function partOf(failed: number, answers: number): number {
  const part = failed / answers - 0.5 / Math.sqrt(answers);
  return Math.max(FAILING_PART, Math.min(FAILING_PART_MAX, part));
}

function limited(bits: number): number {
  return Math.max(SCORE_MIN, Math.min(SCORE_MAX, bits));
}
