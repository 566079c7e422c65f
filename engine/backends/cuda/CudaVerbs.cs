using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Iba.Engine.Backends.Cuda.Plans;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda;

/// <summary>The verbs of the <see cref="CudaBackend"/>.</summary>
internal sealed partial class CudaVerbs : IVerbs
{
    private readonly List<string> _notes = [];
    private readonly Device _device;
    private readonly KernelCompiler _compiler;
    private readonly Scratch _scratch;
    private readonly CudnnSession? _cudnn;
    private readonly ProductSession? _cublasLt;
    private readonly MatrixProducts _products;
    private readonly Convolutions _convolutions;

    public CudaVerbs(Libraries libraries, CacheFolder cache, int ordinal, Precision precision, SearchLimits? limits, MemoryLimit? memory)
    {
        _device = new Device(libraries.Driver!, ordinal);
        try
        {
            if (memory is { } most)
                _device.Limit(most);
            // Tensor cores before compute capability 8.0 support neither format.
            Precision = _device.ComputeCapability < 80 ? Precision.Float32 : precision;
            _compiler = new KernelCompiler(libraries.Nvrtc, _device.ComputeCapability, cache);
            Kernels = new Kernels(_device, _compiler);
            _scratch = new Scratch(_device);
            _cudnn = Start(libraries.Cudnn, cudnn => new CudnnSession(cudnn, _device), _notes);
            _cublasLt = Start(libraries.CublasLt, cublasLt => new ProductSession(cublasLt, _device), _notes);
            _products = new MatrixProducts(_device, Kernels, _scratch, _cublasLt, limits ??= new PlanOptions().Limits);
            _convolutions = new Convolutions(_device, Kernels, _scratch, _cudnn, _products, limits, cache);
        }
        catch
        {
            _cudnn?.Dispose();
            _cublasLt?.Dispose();
            _device.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Name => $"{DeviceName}, {Precision.Word()}";

    /// <inheritdoc/>
    public Element Activations => Precision == Precision.BFloat16 ? Element.BFloat16 : Element.Float32;

    /// <inheritdoc/>
    public bool PrefersSubsampling => true;

    /// <summary>Whether cuDNN was found and started.</summary>
    public bool HasCudnn => _cudnn is not null;

    /// <inheritdoc cref="CudaBackend.DeviceName"/>
    public string DeviceName => $"cuda:{_device.Ordinal} {_device.Name}";

    /// <inheritdoc cref="CudaBackend.Precision"/>
    public Precision Precision { get; }

    /// <inheritdoc cref="CudaBackend.Kernels"/>
    public Kernels Kernels { get; }

    /// <inheritdoc cref="CudaBackend.Choices"/>
    public IReadOnlyList<PlanChoice> Choices => [.. _convolutions.Choices, .. _products.Choices];

    /// <inheritdoc cref="CudaBackend.Watch"/>
    public Action<Tensor, PlanChoice>? Watch
    {
        set => _convolutions.Watch = _products.Watch = value;
    }

    /// <inheritdoc cref="CudaBackend.Notes"/>
    public IReadOnlyList<string> Notes => [.. _notes, .. _convolutions.Notes];

    /// <inheritdoc cref="CudaBackend.Description"/>
    public string? Description
    {
        get
        {
            _device.Enter(nameof(Description));
            return _cudnn?.Gpu?.Json;
        }
    }

    /// <inheritdoc cref="CudaBackend.KernelNotes"/>
    public IReadOnlyDictionary<string, string> KernelNotes => _compiler.Refusals;

    /// <inheritdoc/>
    public Tensor Allocate(Shape shape)
    {
        _device.Enter(nameof(Allocate));
        var storage = new CudaStorage(_device, shape.Count);
        unsafe
        {
            _device.Check(_device.Driver.cuMemsetD8Async(storage.Value, 0, (nuint)shape.Count * sizeof(float), _device.Stream), "cuMemsetD8Async");
        }
        return new Tensor(shape, storage);
    }

    /// <inheritdoc/>
    public void Upload(ReadOnlySpan<float> from, Tensor to)
    {
        _device.Enter(nameof(Upload));
        _device.Staging.Upload(MemoryMarshal.AsBytes(from), (ulong)Argument.Address(to));
        Written(to);
    }

    /// <inheritdoc/>
    public void Download(Tensor from, Span<float> to)
    {
        _device.Enter(nameof(Download));
        if (from.Element == Element.BFloat16)
            Halves.Download(_device.Staging, (ulong)Argument.Address(from), to);
        else
            _device.Staging.Download((ulong)Argument.Address(from), MemoryMarshal.AsBytes(to));
    }

    /// <inheritdoc/>
    public void Fill(Tensor x, float value) => Run(Launch.Fill(x, value), x);

    /// <inheritdoc/>
    public void Copy(Tensor from, Tensor to) => Run(Launch.Copy(from, to), to);

    /// <inheritdoc/>
    public IReplay Replay(Action verbs) => new Capture(_device, _products.Rounding, verbs);

    /// <inheritdoc cref="CudaBackend.Synchronize"/>
    public void Synchronize()
    {
        _device.Enter(nameof(Synchronize));
        _device.Synchronize();
    }

    /// <inheritdoc/>
    public bool Owns(IStorage storage) => storage is CudaStorage own && own.IsOf(_device);

    /// <inheritdoc/>
    public void Reclaim() => _device.Reclaim();

    /// <inheritdoc/>
    public void Dispose()
    {
        // Libraries free their memory in the calling thread's context.
        _device.TryMakeCurrent();
        _convolutions.Dispose();
        _products.Dispose();
        _cudnn?.Dispose();
        _cublasLt?.Dispose();
        Kernels.Dispose();
        _device.Dispose();
    }

    /// <summary>Launches a kernel and records which tensor it writes.</summary>
    private void Run(in Launch launch, Tensor written, [CallerMemberName] string op = "")
    {
        _device.Enter(op);
        Kernels.Run(launch);
        Written(written);
    }

    private void Written(Tensor x) => _products.Rounding.Written((CudaStorage)x.Storage);

    private static TSession? Start<TTable, TSession>(TTable? table, Func<TTable, TSession> start, List<string> notes)
        where TTable : class
        where TSession : class
    {
        try
        {
            return table is null ? null : start(table);
        }
        catch (CudaException e) when (e is not DeviceLostException)
        {
            notes.Add(e.Message);
            return null;
        }
    }
}
