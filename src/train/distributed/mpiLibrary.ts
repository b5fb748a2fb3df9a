import { UsageError } from '../../platform/errors.ts';
import { importOptional } from '../../platform/packages.ts';

type Koffi = typeof import('koffi');
type KoffiLibrary = ReturnType<Koffi['load']>;

/** Handles are addresses in Open MPI, and small numbers in the ABI of MPI 5. */
type Handle = number | bigint;

/** The functions of MPI that are used; each returns an error code. */
export interface MpiLibrary {
  /** File name of the library. */
  readonly name: string;
  readonly handles: { world: Handle; float: Handle; sum: Handle };
  call(name: MpiFunction, ...args: unknown[]): number;
}

/** In the place of the data to send: they lie where the result comes. */
export const IN_PLACE = 1;

const HANDLE = 'uintptr_t';
const DATA = 'void *';
/** `IN_PLACE`, which no array has for its address. */
const PLACE = 'uintptr_t';

/** Types of the arguments (MPI 4.1, appendix A.3). */
const signatures = {
  MPI_Init: [DATA, DATA],
  MPI_Finalize: [],
  MPI_Comm_rank: [HANDLE, DATA],
  MPI_Comm_size: [HANDLE, DATA],
  MPI_Barrier: [HANDLE],
  MPI_Bcast: [DATA, 'int', HANDLE, 'int', HANDLE],
  MPI_Allreduce: [PLACE, DATA, 'int', HANDLE, HANDLE, HANDLE],
  MPI_Allgather: [DATA, 'int', HANDLE, DATA, 'int', HANDLE, HANDLE],
  MPI_Allgatherv: [PLACE, 'int', HANDLE, DATA, DATA, DATA, HANDLE, HANDLE],
  MPI_Alltoallv: [DATA, DATA, DATA, HANDLE, DATA, DATA, DATA, HANDLE, HANDLE],
} as const;
export type MpiFunction = keyof typeof signatures;

/** What MPI 5's ABI gives the handles (MPI 5.0, chapter 20). */
const abiHandles = { world: 0x101, float: 0x210, sum: 0x21 };

/** The library of the standard ABI (MPICH 5, Open MPI 6) first, then Open MPI's own. */
const libraries = [
  'libmpi_abi.so',
  'libmpi_abi.so.1',
  'libmpi_abi.dylib',
  'libmpi.so.40',
  'libmpi.so',
  'libmpi.dylib',
];

/**
 * Loads MPI.
 * @throws UsageError, naming the package to install, if koffi or MPI is missing.
 */
export async function loadMpi(): Promise<MpiLibrary> {
  const koffi = await importOptional<{ default: Koffi }>('koffi').catch(() => {
    throw new UsageError(
      'training in several processes needs the package koffi: run npm install koffi',
    );
  });
  for (const name of libraries) {
    const library = tryLoad(koffi.default, name);
    const handles = library && handlesOf(koffi.default, library, name);
    if (!library || !handles) continue;
    const functions = Object.fromEntries(
      Object.entries(signatures).map(([of, types]) => [of, library.func(of, 'int', [...types])]),
    );
    return { name, handles, call: (of, ...args) => functions[of](...args) };
  }
  throw new UsageError(
    'training in several processes needs Open MPI, or another MPI with the ABI of MPI 5; found ' +
      `none of ${libraries.join(', ')}: install Open MPI (Debian, Ubuntu: apt-get install ` +
      'openmpi-bin; macOS: brew install open-mpi)',
  );
}

function tryLoad(koffi: Koffi, name: string): KoffiLibrary | undefined {
  try {
    return koffi.load(name);
  } catch {
    return undefined;
  }
}

/** Undefined if the library has neither kind of handles. */
function handlesOf(
  koffi: Koffi,
  library: KoffiLibrary,
  name: string,
): MpiLibrary['handles'] | undefined {
  if (name.startsWith('libmpi_abi')) return abiHandles;
  const addressOf = (symbol: string) => koffi.address(library.symbol(symbol, 'int')) as bigint;
  try {
    return {
      world: addressOf('ompi_mpi_comm_world'),
      float: addressOf('ompi_mpi_float'),
      sum: addressOf('ompi_mpi_op_sum'),
    };
  } catch {
    return undefined;
  }
}
