using Iba.Engine.Backends.Cuda.Native;
using static Iba.Engine.Backends.Cuda.Native.cublasLtEpilogue;
using static Iba.Engine.Backends.Cuda.Native.cublasLtMatmulDescAttribute;
using static Iba.Engine.Backends.Cuda.Native.cublasLtMatmulPreferenceAttribute;
using static Iba.Engine.Backends.Cuda.Native.cublasOperation;
using static Iba.Engine.Backends.Cuda.Native.cudaDataType;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>
/// One cuBLASLt matrix product. The library's matrices are column-major, so a row-major x (P, C) is its C x P matrix with leading dimension
/// C: y = x wᵀ is computed as yᵀ = w xᵀ, whose rows are y's channels, and the bias applies to rows, as the library defines it. The unit's
/// ReLU is left to the caller: the library does not document how its own treats NaN.
/// </summary>
internal sealed unsafe class MatrixProduct : IDisposable
{
    private readonly ProductSession _session;
    private readonly nint _description, _a, _b, _result;
    private readonly ProductUnit _unit;
    private cublasLtMatmulHeuristicResult _algorithm;

    /// <exception cref="CudaException">The library has no algorithm for it.</exception>
    public MatrixProduct(ProductSession session, ProductUnit unit)
    {
        (_session, _unit) = (session, unit);
        ulong p = (ulong)unit.P, c = (ulong)unit.C, k = (ulong)unit.K;
        try
        {
            _description = Describe();
            cudaDataType input = unit.Precision == Precision.BFloat16 ? CUDA_R_16BF : CUDA_R_32F;
            // rows x columns in memory, before any transposition.
            (_a, _b, _result) = unit.Direction switch
            {
                Direction.Forward => (Layout(input, c, k), Layout(input, c, p), Layout(CUDA_R_32F, k, p)),
                Direction.BackwardData => (Layout(input, c, k), Layout(input, k, p), Layout(CUDA_R_32F, c, p)),
                _ => (Layout(input, c, p), Layout(input, k, p), Layout(CUDA_R_32F, c, k)),
            };
            Choose();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Workspace: memory needed besides its matrices.</summary>
    public long WorkspaceBytes => (long)_algorithm.workspaceSize;

    /// <summary>Queues it on the device's stream.</summary>
    /// <param name="addresses">Result and addend may be equal.</param>
    public void Run(in Addresses addresses)
    {
        ulong bias = addresses.Bias;
        if (_unit.Bias)
            Set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
        (ulong a, ulong b, ulong result) = _unit.Direction switch
        {
            Direction.Forward => (addresses.W, addresses.X, addresses.Y),
            Direction.BackwardData => (addresses.W, addresses.Y, addresses.X),
            _ => (addresses.X, addresses.Y, addresses.W),
        };
        float alpha = 1f, beta = _unit.Addend ? 1f : 0f;
        ulong addend = _unit.Addend ? addresses.Addend : result;
        fixed (cublasLtMatmulHeuristicResult* algorithm = &_algorithm)
        {
            _session.Check(_session.CublasLt.cublasLtMatmul(
                _session.Handle, _description, &alpha, a, _a, b, _b, &beta, addend, _result, result, _result,
                algorithm, addresses.Workspace, algorithm->workspaceSize, _session.Device.Stream), "cublasLtMatmul");
        }
    }

    public void Dispose()
    {
        foreach (nint layout in (ReadOnlySpan<nint>)[_a, _b, _result])
        {
            if (layout != 0)
                _session.CublasLt.cublasLtMatrixLayoutDestroy(layout);
        }
        if (_description != 0)
            _session.CublasLt.cublasLtMatmulDescDestroy(_description);
    }

    private nint Describe()
    {
        nint description;
        cublasComputeType compute = _unit.Precision == Precision.TensorFloat32
            ? cublasComputeType.CUBLAS_COMPUTE_32F_FAST_TF32 : cublasComputeType.CUBLAS_COMPUTE_32F;
        _session.Check(_session.CublasLt.cublasLtMatmulDescCreate(&description, compute, CUDA_R_32F), "cublasLtMatmulDescCreate");
        (cublasOperation a, cublasOperation b) = _unit.Direction switch
        {
            Direction.Forward => (CUBLAS_OP_T, CUBLAS_OP_N),
            Direction.BackwardData => (CUBLAS_OP_N, CUBLAS_OP_N),
            _ => (CUBLAS_OP_N, CUBLAS_OP_T),
        };
        Set(description, CUBLASLT_MATMUL_DESC_TRANSA, a);
        Set(description, CUBLASLT_MATMUL_DESC_TRANSB, b);
        Set(description, CUBLASLT_MATMUL_DESC_EPILOGUE, _unit.Bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT);
        if (_unit.Bias)
            Set(description, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, CUDA_R_32F);
        return description;
    }

    private nint Layout(cudaDataType type, ulong rows, ulong columns)
    {
        nint layout;
        _session.Check(_session.CublasLt.cublasLtMatrixLayoutCreate(&layout, type, rows, columns, (long)rows), "cublasLtMatrixLayoutCreate");
        return layout;
    }

    private void Choose()
    {
        CublasLt cublasLt = _session.CublasLt;
        nint preference;
        _session.Check(cublasLt.cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
        try
        {
            Prefer(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, (ulong)ProductSession.MostWorkspaceBytes);
            const cublasLtMatmulPreferenceAttribute first = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, last = CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES;
            for (cublasLtMatmulPreferenceAttribute matrix = first; matrix <= last; matrix++)
                Prefer(preference, matrix, (uint)_unit.Alignment);
            int count = 0;
            fixed (cublasLtMatmulHeuristicResult* algorithm = &_algorithm)
            {
                int status = cublasLt.cublasLtMatmulAlgoGetHeuristic(
                    _session.Handle, _description, _a, _b, _result, _result, preference, 1, algorithm, &count);
                _session.Check(status == 0 && count == 0 ? ProductSession.NotSupported : status, $"cublasLtMatmulAlgoGetHeuristic({_unit})");
            }
        }
        finally
        {
            cublasLt.cublasLtMatmulPreferenceDestroy(preference);
        }
    }

    private void Prefer<T>(nint preference, cublasLtMatmulPreferenceAttribute name, T value) where T : unmanaged =>
        _session.Check(_session.CublasLt.cublasLtMatmulPreferenceSetAttribute(preference, name, &value, (nuint)sizeof(T)),
            $"cublasLtMatmulPreferenceSetAttribute({name})");

    private void Set<T>(cublasLtMatmulDescAttribute name, T value) where T : unmanaged => Set(_description, name, value);

    private void Set<T>(nint description, cublasLtMatmulDescAttribute name, T value) where T : unmanaged =>
        _session.Check(_session.CublasLt.cublasLtMatmulDescSetAttribute(description, name, &value, (nuint)sizeof(T)),
            $"cublasLtMatmulDescSetAttribute({name})");
}

/// <summary>cuBLASLt on one device.</summary>
internal sealed unsafe class ProductSession : IDisposable
{
    /// <summary>NVIDIA's recommendation for Hopper; older devices need less.</summary>
    public const long MostWorkspaceBytes = 32L << 20;

    /// <summary>CUBLAS_STATUS_NOT_SUPPORTED.</summary>
    public const int NotSupported = 15;

    /// <exception cref="CudaException">The library does not start.</exception>
    public ProductSession(CublasLt cublasLt, Device device)
    {
        (CublasLt, Device) = (cublasLt, device);
        nint handle;
        Check(cublasLt.cublasLtCreate(&handle), "cublasLtCreate");
        Handle = handle;
    }

    public CublasLt CublasLt { get; }

    public Device Device { get; }

    public nint Handle { get; }

    public void Check(int status, string call)
    {
        if (status != 0)
            throw new CudaException($"cuda:{Device.Ordinal}", $"{call} failed with cuBLAS status {status}; last op: {Device.LastOp}", status);
    }

    public void Dispose() => CublasLt.cublasLtDestroy(Handle);
}
