using System.Runtime.InteropServices;

namespace Iba.Engine.Backends.Cuda.Native;

internal enum cudaDataType
{
    CUDA_R_32F = 0,
    CUDA_R_16BF = 14,
}

internal enum cublasComputeType
{
    /// <summary>float32 products, without TF32.</summary>
    CUBLAS_COMPUTE_32F = 68,
    CUBLAS_COMPUTE_32F_FAST_TF32 = 77,
}

internal enum cublasOperation
{
    CUBLAS_OP_N = 0,
    CUBLAS_OP_T = 1,
}

/// <summary>The operations applied to a product before it is written. Values are the library's own bit sets.</summary>
internal enum cublasLtEpilogue
{
    CUBLASLT_EPILOGUE_DEFAULT = 1,
    CUBLASLT_EPILOGUE_BIAS = 4,
}

internal enum cublasLtMatmulDescAttribute
{
    CUBLASLT_MATMUL_DESC_TRANSA = 3,
    CUBLASLT_MATMUL_DESC_TRANSB = 4,
    CUBLASLT_MATMUL_DESC_EPILOGUE = 7,
    CUBLASLT_MATMUL_DESC_BIAS_POINTER = 8,
    CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE = 26,
}

internal enum cublasLtMatmulPreferenceAttribute
{
    CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES = 5,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES = 6,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES = 7,
    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES = 8,
}

/// <summary>An algorithm with its requirements: 96 bytes, of which the first 64 are opaque.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct cublasLtMatmulHeuristicResult
{
    public fixed ulong algo[8];
    public nuint workspaceSize;
    public int state;
    public float wavesCount;
    public fixed int reserved[4];
}

/// <summary>
/// cuBLASLt, matrix products with an epilogue. Entry points are equal in 12 and 13. Matrices are column-major. Functions return 0 or a
/// cublasStatus.
/// </summary>
internal sealed unsafe class CublasLt
{
    public readonly delegate* unmanaged<nuint> cublasLtGetVersion;
    public readonly delegate* unmanaged<nint*, int> cublasLtCreate;
    public readonly delegate* unmanaged<nint, int> cublasLtDestroy;
    public readonly delegate* unmanaged<nint*, cublasComputeType, cudaDataType, int> cublasLtMatmulDescCreate;
    public readonly delegate* unmanaged<nint, int> cublasLtMatmulDescDestroy;
    public readonly delegate* unmanaged<nint, cublasLtMatmulDescAttribute, void*, nuint, int> cublasLtMatmulDescSetAttribute;
    public readonly delegate* unmanaged<nint*, cudaDataType, ulong, ulong, long, int> cublasLtMatrixLayoutCreate;
    public readonly delegate* unmanaged<nint, int> cublasLtMatrixLayoutDestroy;
    public readonly delegate* unmanaged<nint*, int> cublasLtMatmulPreferenceCreate;
    public readonly delegate* unmanaged<nint, int> cublasLtMatmulPreferenceDestroy;
    public readonly delegate* unmanaged<nint, cublasLtMatmulPreferenceAttribute, void*, nuint, int> cublasLtMatmulPreferenceSetAttribute;

    /// <summary>handle, desc, A, B, C, D, preference, results requested, results, results returned.</summary>
    public readonly delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int, cublasLtMatmulHeuristicResult*, int*, int>
        cublasLtMatmulAlgoGetHeuristic;

    /// <summary>handle, desc, alpha, A, its layout, B, its layout, beta, C, its layout, D, its layout, algorithm, workspace, its bytes, stream.</summary>
    public readonly delegate* unmanaged<nint, nint, void*, ulong, nint, ulong, nint, void*, ulong, nint, ulong, nint, void*, ulong, nuint, nint, int>
        cublasLtMatmul;

    /// <exception cref="EntryPointNotFoundException">The library is older than 11.</exception>
    public CublasLt(Func<string, nint> find)
    {
        var exports = new Exports("cuBLASLt", find);
        cublasLtGetVersion = (delegate* unmanaged<nuint>)exports.Required(nameof(cublasLtGetVersion));
        cublasLtCreate = (delegate* unmanaged<nint*, int>)exports.Required(nameof(cublasLtCreate));
        cublasLtDestroy = (delegate* unmanaged<nint, int>)exports.Required(nameof(cublasLtDestroy));
        cublasLtMatmulDescCreate = (delegate* unmanaged<nint*, cublasComputeType, cudaDataType, int>)exports.Required(nameof(cublasLtMatmulDescCreate));
        cublasLtMatmulDescDestroy = (delegate* unmanaged<nint, int>)exports.Required(nameof(cublasLtMatmulDescDestroy));
        cublasLtMatmulDescSetAttribute = (delegate* unmanaged<nint, cublasLtMatmulDescAttribute, void*, nuint, int>)
            exports.Required(nameof(cublasLtMatmulDescSetAttribute));
        cublasLtMatrixLayoutCreate = (delegate* unmanaged<nint*, cudaDataType, ulong, ulong, long, int>)
            exports.Required(nameof(cublasLtMatrixLayoutCreate));
        cublasLtMatrixLayoutDestroy = (delegate* unmanaged<nint, int>)exports.Required(nameof(cublasLtMatrixLayoutDestroy));
        cublasLtMatmulPreferenceCreate = (delegate* unmanaged<nint*, int>)exports.Required(nameof(cublasLtMatmulPreferenceCreate));
        cublasLtMatmulPreferenceDestroy = (delegate* unmanaged<nint, int>)exports.Required(nameof(cublasLtMatmulPreferenceDestroy));
        cublasLtMatmulPreferenceSetAttribute = (delegate* unmanaged<nint, cublasLtMatmulPreferenceAttribute, void*, nuint, int>)
            exports.Required(nameof(cublasLtMatmulPreferenceSetAttribute));
        cublasLtMatmulAlgoGetHeuristic =
            (delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int, cublasLtMatmulHeuristicResult*, int*, int>)
            exports.Required(nameof(cublasLtMatmulAlgoGetHeuristic));
        cublasLtMatmul =
            (delegate* unmanaged<nint, nint, void*, ulong, nint, ulong, nint, void*, ulong, nint, ulong, nint, void*, ulong, nuint, nint, int>)
            exports.Required(nameof(cublasLtMatmul));
        exports.Check();
    }

    /// <summary>Major, minor and patch: 120604 is 12.6.4.</summary>
    public string Version => cublasLtGetVersion() is var version ? $"{version / 10000}.{version / 100 % 100}.{version % 100}" : "";
}
