using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Plans;

namespace Tests.Emulator;

/// <summary>
/// An imitated machine with a GPU: a fake driver under the CUDA backend, and those of NVIDIA's libraries that a test wants. Where a
/// test needs results, kernels run on the CPU and the libraries' fakes compute what was described to them.
/// </summary>
internal sealed class FakeGpu : IDisposable
{
    private const string Folder = "/usr/lib/x86_64-linux-gnu";
    private readonly FakeMachine _machine = new();
    private readonly FakeLoader _loader;
    private readonly FakeNvrtc _nvrtc = new();
    private readonly bool _computes;

    /// <param name="cudnn">Whether cuDNN is there.</param>
    /// <param name="cublasLt">Whether cuBLASLt is there.</param>
    /// <param name="computes">Whether kernels and libraries compute; if not, they are only recorded.</param>
    public FakeGpu(bool cudnn = true, bool cublasLt = true, bool computes = false)
    {
        _computes = computes;
        _loader = new FakeLoader(_machine).Knows("libcuda.so.1").With("libcuda.", Driver.Find).With("libnvrtc.", _nvrtc.Find)
            .With("libcublasLt.", CublasLt.Find).With("libcudnn.", Cudnn.Find);
        _machine.Put(Folder, "libnvrtc.so.12", "libnvrtc-builtins.so.12.6");
        if (cublasLt)
            _machine.Put(Folder, "libcublasLt.so.12");
        if (cudnn)
        {
            string[] parts = ["", "_graph", "_ops", "_cnn", "_engines_precompiled", "_engines_runtime_compiled", "_heuristic"];
            _machine.Put(Folder, [.. parts.Select(part => $"libcudnn{part}.so.9")]);
        }
        Cudnn.Enqueue = work => Driver.Send("cudnnBackendExecute", work);
        CublasLt.Enqueue = work => Driver.Send("cublasLtMatmul", work);
        Cudnn.Ran = graph => Driver.Traffic?.Add(new Sent("cudnnBackendExecute", Traffic.Of(Cudnn, graph)));
        CublasLt.Ran = product => Driver.Traffic?.Add(new Sent("cublasLtMatmul", Traffic.Of(product)));
        if (!computes)
            return;
        Shim shim = Shim.Get();
        var turns = new Random(1);
        Driver.Parameters = shim.Parameters;
        Driver.Execute = (kernel, grid, block, shared, arguments) => shim.Run(kernel, arguments, grid, block, shared, fromLast: turns.Next(2) == 0);
        Cudnn.Computes = true;
        CublasLt.Execute = FakeArithmetic.Compute;
    }

    public FakeDriver Driver { get; } = new();

    public FakeCudnn Cudnn { get; } = new();

    public FakeCublasLt CublasLt { get; } = new();

    public FakeNvrtc Nvrtc => _nvrtc;

    /// <summary>Takes a library away, by its name or, where more of a version follows, by its beginning; false if it is not there.</summary>
    public bool Remove(string library)
    {
        const string Driver = "libcuda.so.1";
        if (library == Driver)
            return _loader.Forgets(Driver);
        string[] files = [.. _machine.Machine.Entries(Folder).Where(file => file == library || file.StartsWith($"{library}.", StringComparison.Ordinal))];
        foreach (string file in files)
            _machine.Remove(Folder, file);
        return files.Length > 0;
    }

    /// <summary>The machine's libraries, loaded.</summary>
    public Libraries Libraries() => global::Iba.Engine.Backends.Cuda.Libraries.Load(_machine.Machine, _loader);

    /// <summary>The backend. Where nothing is computed, plans are not checked.</summary>
    public CudaBackend Open(Precision precision = Precision.TensorFloat32, string? cache = null, SearchLimits? limits = null, MemoryLimit? memory = null) =>
        new(Libraries(), new CacheFolder(cache), 0, precision, limits ?? new SearchLimits(Checked: _computes), memory);

    /// <summary>Answers the calls of this thread too. As with a real driver, several threads must take turns.</summary>
    public void Join()
    {
        Driver.Join();
        Cudnn.Join();
        CublasLt.Join();
        _nvrtc.Join();
    }

    public void Dispose()
    {
        Driver.Dispose();
        Cudnn.Dispose();
        CublasLt.Dispose();
        _nvrtc.Dispose();
        _machine.Dispose();
    }
}
