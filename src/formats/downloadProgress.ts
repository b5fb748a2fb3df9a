/** Progress of a download. */
export interface DownloadProgress {
  /** The file that is being downloaded. */
  file: string;
  /** Bytes so far, of all files. */
  loaded: number;
  /** Bytes of all files. */
  total: number;
}
