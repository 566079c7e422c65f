using System.Runtime.InteropServices;
using Iba.Engine.Backends.Cuda.Native;

namespace Tests.Emulator;

/// <summary>The arguments of a call of cublasLtMatmul: the descriptors' contents, not their addresses.</summary>
internal sealed record FakeProduct(
    cublasComputeType Compute, IReadOnlyDictionary<cublasLtMatmulDescAttribute, byte[]> Description,
    FakeMatrix A, FakeMatrix B, FakeMatrix C, FakeMatrix D, float Alpha, float Beta, ulong[] Pointers, ulong Algorithm, ulong Workspace, nuint WorkspaceBytes)
{
    public int this[cublasLtMatmulDescAttribute name] => BitConverter.ToInt32(Description[name]);
}

internal sealed record FakeMatrix(cudaDataType Type, ulong Rows, ulong Columns, long Leading);

/// <summary>cuBLASLt without a GPU: every product is kept as it was described.</summary>
internal sealed unsafe class FakeCublasLt : IDisposable
{
    [ThreadStatic]
    private static FakeCublasLt? _current;

    private readonly Dictionary<nint, object> _live = [];
    private nint _next = 0x5000;

    public FakeCublasLt() => _current = this;

    /// <summary>Answers the calls of this thread too, from here on.</summary>
    public void Join() => _current = this;

    public List<FakeProduct> Products { get; } = [];

    /// <summary>Attributes of preferences, as they were set.</summary>
    public List<(cublasLtMatmulPreferenceAttribute Name, byte[] Bytes)> Preferences { get; } = [];

    /// <summary>How many algorithms are offered.</summary>
    public int Offers { get; set; } = 1;

    public nuint AlgorithmWorkspace { get; set; }

    public int Live => _live.Count;

    public Func<Action, bool>? Enqueue { get; set; }

    /// <summary>Computes a product; null if products are only recorded.</summary>
    public Action<FakeProduct>? Execute { get; set; }

    /// <summary>Called with a product when it runs.</summary>
    public Action<FakeProduct>? Ran { get; set; }

    public nint Find(string name) => Addresses.GetValueOrDefault(name);

    public CublasLt Table() => new(Find);

    public void Dispose() => _current = _current == this ? null : _current;

    private static FakeCublasLt Now => _current ?? throw new InvalidOperationException("a cuBLASLt call on a thread without a fake cuBLASLt");

    private static int Make(nint* handle, object what)
    {
        *handle = ++Now._next;
        Now._live[*handle] = what;
        return 0;
    }

    private static int Drop(nint handle) => Now._live.Remove(handle) ? 0 : 7;

    [UnmanagedCallersOnly]
    private static nuint cublasLtGetVersion() => 120604;

    [UnmanagedCallersOnly]
    private static int cublasLtCreate(nint* handle) => Make(handle, "handle");

    [UnmanagedCallersOnly]
    private static int cublasLtDestroy(nint handle) => Drop(handle);

    [UnmanagedCallersOnly]
    private static int cublasLtMatmulDescCreate(nint* description, cublasComputeType compute, cudaDataType scale) =>
        scale == cudaDataType.CUDA_R_32F ? Make(description, (compute, new Dictionary<cublasLtMatmulDescAttribute, byte[]>())) : 7;

    [UnmanagedCallersOnly]
    private static int cublasLtMatmulDescSetAttribute(nint description, cublasLtMatmulDescAttribute name, void* value, nuint size)
    {
        var (_, attributes) = ((cublasComputeType, Dictionary<cublasLtMatmulDescAttribute, byte[]>))Now._live[description];
        attributes[name] = new Span<byte>(value, (int)size).ToArray();
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int cublasLtMatrixLayoutCreate(nint* layout, cudaDataType type, ulong rows, ulong columns, long leading) =>
        leading >= (long)rows ? Make(layout, new FakeMatrix(type, rows, columns, leading)) : 7;

    [UnmanagedCallersOnly]
    private static int cublasLtMatmulPreferenceCreate(nint* preference) => Make(preference, "preference");

    [UnmanagedCallersOnly]
    private static int cublasLtMatmulPreferenceSetAttribute(nint preference, cublasLtMatmulPreferenceAttribute name, void* value, nuint size)
    {
        Now.Preferences.Add((name, new Span<byte>(value, (int)size).ToArray()));
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int Destroy(nint what) => Drop(what);

    [UnmanagedCallersOnly]
    private static int cublasLtMatmulAlgoGetHeuristic(
        nint handle, nint description, nint a, nint b, nint c, nint d, nint preference, int asked, cublasLtMatmulHeuristicResult* results, int* count)
    {
        *count = Math.Min(asked, Now.Offers);
        for (int i = 0; i < *count; i++)
        {
            results[i].algo[0] = 100 + (ulong)i;
            results[i].workspaceSize = Now.AlgorithmWorkspace;
        }
        return *count > 0 ? 0 : 15;
    }

    [UnmanagedCallersOnly]
    private static int cublasLtMatmul(
        nint handle, nint description, void* alpha, ulong a, nint aLayout, ulong b, nint bLayout, void* beta, ulong c, nint cLayout,
        ulong d, nint dLayout, void* algorithm, ulong workspace, nuint workspaceBytes, nint stream)
    {
        FakeCublasLt now = Now;
        var (compute, attributes) = ((cublasComputeType, Dictionary<cublasLtMatmulDescAttribute, byte[]>))now._live[description];
        var product = new FakeProduct(
            compute, new Dictionary<cublasLtMatmulDescAttribute, byte[]>(attributes), (FakeMatrix)now._live[aLayout], (FakeMatrix)now._live[bLayout],
            (FakeMatrix)now._live[cLayout], (FakeMatrix)now._live[dLayout], *(float*)alpha, *(float*)beta, [a, b, c, d],
            ((ulong*)algorithm)[0], workspace, workspaceBytes);
        Action work = () =>
        {
            now.Products.Add(product);
            now.Ran?.Invoke(product);
            now.Execute?.Invoke(product);
        };
        if (now.Enqueue is null)
            work();
        else if (!now.Enqueue(work))
            return 13;
        return 0;
    }

    private static readonly Dictionary<string, nint> Addresses = new()
    {
        ["cublasLtGetVersion"] = (nint)(delegate* unmanaged<nuint>)&cublasLtGetVersion,
        ["cublasLtCreate"] = (nint)(delegate* unmanaged<nint*, int>)&cublasLtCreate,
        ["cublasLtDestroy"] = (nint)(delegate* unmanaged<nint, int>)&cublasLtDestroy,
        ["cublasLtMatmulDescCreate"] = (nint)(delegate* unmanaged<nint*, cublasComputeType, cudaDataType, int>)&cublasLtMatmulDescCreate,
        ["cublasLtMatmulDescDestroy"] = (nint)(delegate* unmanaged<nint, int>)&Destroy,
        ["cublasLtMatmulDescSetAttribute"] =
            (nint)(delegate* unmanaged<nint, cublasLtMatmulDescAttribute, void*, nuint, int>)&cublasLtMatmulDescSetAttribute,
        ["cublasLtMatrixLayoutCreate"] = (nint)(delegate* unmanaged<nint*, cudaDataType, ulong, ulong, long, int>)&cublasLtMatrixLayoutCreate,
        ["cublasLtMatrixLayoutDestroy"] = (nint)(delegate* unmanaged<nint, int>)&Destroy,
        ["cublasLtMatmulPreferenceCreate"] = (nint)(delegate* unmanaged<nint*, int>)&cublasLtMatmulPreferenceCreate,
        ["cublasLtMatmulPreferenceDestroy"] = (nint)(delegate* unmanaged<nint, int>)&Destroy,
        ["cublasLtMatmulPreferenceSetAttribute"] =
            (nint)(delegate* unmanaged<nint, cublasLtMatmulPreferenceAttribute, void*, nuint, int>)&cublasLtMatmulPreferenceSetAttribute,
        ["cublasLtMatmulAlgoGetHeuristic"] =
            (nint)(delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int, cublasLtMatmulHeuristicResult*,
            int*, int>)&cublasLtMatmulAlgoGetHeuristic,
        ["cublasLtMatmul"] =
            (nint)(delegate* unmanaged<nint, nint, void*, ulong, nint, ulong, nint, void*, ulong, nint, ulong,
            nint, void*, ulong, nuint, nint, int>)&cublasLtMatmul,
    };
}
