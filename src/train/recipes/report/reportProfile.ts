/** What a profiled command took, kernel by kernel. */
export interface ReportProfile {
  kernels: {
    kernel: string;
    variant: string;
    launches: number;
    seconds: number;
    /** Of the seconds of all kernels. */
    share: number;
    /** Operations, and bytes read and written, in all. */
    flops: number;
    bytes: number;
    /** How near it came to the peak that bounds it. */
    ofPeak: { share: number; bound: string } | null;
  }[];
  /** Of all kernels, and of the whole command. */
  seconds: number;
  wallSeconds: number;
}
