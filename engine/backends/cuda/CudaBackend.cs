using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Backends.Cuda.Native;
using Engine.Backends.Cuda.Plans;
using Engine.Tensors;

namespace Engine.Backends.Cuda;

/// <summary>
/// One NVIDIA GPU. Verbs are sent to its stream in order and return at once; only <see cref="Download"/> waits. Convolutions run on cuDNN 9,
/// products on cuBLASLt, everything else (and whatever those will not do) on the kernels of cuda/. One caller at a time.
/// </summary>
public sealed partial class CudaBackend : IBackend
{
    private readonly Device _device;
    private readonly Kernels _kernels;
    private readonly KernelCompiler _compiler;
    private readonly Scratch _scratch;
    private readonly CudnnSession? _cudnn;
    private readonly ProductSession? _cublasLt;
    private readonly Products _products;
    private readonly Convolutions _convolutions;

    internal CudaBackend(Libraries libraries, CacheFolder cache, int ordinal, Precision precision, SearchLimits? limits = null)
    {
        _device = new Device(libraries.Driver!, ordinal);
        try
        {
            // Below 8.0 tensor cores know neither format.
            Precision = _device.ComputeCapability < 80 ? Precision.Float32 : precision;
            _compiler = new KernelCompiler(libraries.Nvrtc, _device.ComputeCapability, cache);
            _kernels = new Kernels(_device, _compiler);
            _scratch = new Scratch(_device);
            var notes = new List<string>();
            _cudnn = Start(libraries.Cudnn, cudnn => new CudnnSession(cudnn, _device), notes);
            _cublasLt = Start(libraries.CublasLt, cublasLt => new ProductSession(cublasLt, _device), notes);
            Notes = notes;
            _products = new Products(_device, _kernels, _scratch, _cublasLt, limits ??= new SearchLimits());
            _convolutions = new Convolutions(_device, _kernels, _scratch, _cudnn, _products, limits, cache);
        }
        catch
        {
            _device.Dispose();
            throw;
        }
    }

    /// <summary>Opens a GPU.</summary>
    /// <param name="ordinal">Its number, from 0.</param>
    /// <param name="precision">How exactly convolutions and products are computed; float32 on devices that know nothing else.</param>
    /// <param name="requiresCudnn">Whether a cuDNN that is missing or will not start is an obstacle, and not only slow.</param>
    /// <exception cref="NoCudaException">This machine has no CUDA, or no such device: the message says why and what mends it.</exception>
    public static CudaBackend Open(int ordinal = 0, Precision precision = Precision.TensorFloat32, bool requiresCudnn = false) =>
        Open(Libraries.Load(Machine.Here(), new SystemLoader()), ordinal, precision, requiresCudnn);

    internal static CudaBackend Open(Libraries libraries, int ordinal, Precision precision, bool requiresCudnn = false)
    {
        Diagnosis diagnosis = Doctor.Examine(libraries, precision);
        if ((requiresCudnn ? diagnosis.Gap : diagnosis.Obstacle) is { } obstacle)
            throw NoCudaException.For(obstacle, diagnosis);
        if (ordinal < 0 || ordinal >= diagnosis.Devices.Count)
        {
            throw new NoCudaException($"there is no device cuda:{ordinal}: this machine has "
                + $"{string.Join(", ", diagnosis.Devices.Select(device => $"cuda:{device.Ordinal} ({device.Name})"))}.", diagnosis);
        }
        var backend = new CudaBackend(libraries, CacheFolder.OfUser(), ordinal, precision);
        if (!requiresCudnn || backend._cudnn is not null)
            return backend;
        backend.Dispose();
        var refused = new Finding("cuDNN", Severity.Slower, $"does not start: {string.Join("; ", backend.Notes)}", Doctor.MendCudnn);
        throw NoCudaException.For(refused, diagnosis with { Findings = [.. diagnosis.Findings.Where(finding => finding.Subject != "cuDNN"), refused] });
    }

    /// <inheritdoc/>
    public string Name => $"{DeviceName}, {Precision.Word()}";

    /// <summary>The GPU alone: its number and what the driver calls it.</summary>
    public string DeviceName => $"cuda:{_device.Ordinal} {_device.Name}";

    /// <summary>How exactly convolutions and products are computed.</summary>
    public Precision Precision { get; }

    /// <summary>How each convolution and product that has run is computed, and why.</summary>
    public IReadOnlyList<PlanChoice> Choices => [.. _convolutions.Choices, .. _products.Choices];

    /// <summary>
    /// Told of every convolution and linear layer that is sent, its weights (or their gradient) and what was chosen for it, so that choices
    /// can be told by layer. A loop is told of while it warms up and is captured, not when it is replayed.
    /// </summary>
    public Action<Tensor, PlanChoice>? Watch
    {
        set => _convolutions.Watch = _products.Watch = value;
    }

    /// <summary>Libraries that were there and did not start.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>Kernels that were not compiled for this GPU but run from PTX, and why.</summary>
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
        _device.Staging.Download((ulong)Argument.Address(from), MemoryMarshal.AsBytes(to[..from.Shape.Count]));
    }

    /// <inheritdoc/>
    public void Fill(Tensor x, float value) => Run(Launch.Fill(x, value), x);

    /// <inheritdoc/>
    public void Copy(Tensor from, Tensor to) => Run(Launch.Copy(from, to), to);

    /// <inheritdoc/>
    public IReplay Replay(Action verbs) => new Capture(_device, _products.Rounding, verbs);

    /// <summary>Waits until everything that was sent has run.</summary>
    public void Synchronize()
    {
        _device.Enter(nameof(Synchronize));
        _device.Synchronize();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _convolutions.Dispose();
        _products.Dispose();
        _cudnn?.Dispose();
        _cublasLt?.Dispose();
        _kernels.Dispose();
        _device.Dispose();
    }

    /// <summary>Sends one launch and remembers what it writes.</summary>
    private void Run(in Launch launch, Tensor written, [CallerMemberName] string op = "")
    {
        _device.Enter(op);
        _kernels.Run(launch);
        Written(written);
    }

    private void Written(Tensor x) => _products.Rounding.Written((CudaStorage)x.Storage);

    private static TSession? Start<TTable, TSession>(TTable? table, Func<TTable, TSession> start, List<string> notes) where TTable : class where TSession : class
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
