using System.CommandLine;
using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Backends.Cuda;
using Iba.Explaining;

namespace Iba.Cli;

/// <summary>The options that choose the device and its precision.</summary>
/// <param name="winograd">The default of --winograd: off for commands that change weights at every step.</param>
internal sealed class DeviceOptions(bool winograd = true)
{
    private readonly Option<string> _device = new("--device")
    {
        Description = "auto, cpu, cuda, cuda:N, or several GPUs of one kind for attribute, such as cuda:0,1. "
            + "auto uses the GPU if everything that it needs is there, else the CPU, and says why.",
        DefaultValueFactory = _ => "auto",
    };
    private readonly Option<string?> _precision = new("--precision")
    {
        Description = "Precision of convolutions and matrix products: fp32, tf32 or bf16. Default: tf32 on a GPU that supports it, fp32 on the CPU.",
    };
    private readonly Option<int> _threads = new("--threads")
    {
        Description = "CPU threads; 0 for all cores. The result does not depend on it.",
        CustomParser = Number.Between(0, 1024).Parse,
    };
    private readonly Option<string> _winograd = new("--winograd")
    {
        Description = "on or off: Winograd's algorithm for 3 x 3 convolutions on the CPU, 2 to 3 times as fast, with 3 to 4 times the rounding error.",
        DefaultValueFactory = _ => winograd ? "on" : "off",
    };

    private readonly Option<string?> _memory = new("--gpu-memory")
    {
        Description = DeviceName.LimitHelp,
        HelpName = "SIZE",
    };

    /// <summary>Whether every tape is checked line by line.</summary>
    public Option<bool> CheckFinite { get; } = new("--check-finite")
    {
        Description = "Stop a photo's run at the first line of the tape that computes NaN or an infinity, forward or backward, and name it. Several times "
            + "slower. The environment variable IBA_CHECK=1 does the same.",
    };

    private readonly PlanSettings _plans = new();

    public void AddTo(Command command)
    {
        _winograd.AcceptOnlyFromAmong("on", "off");
        foreach (Option option in (Option[])[_device, _memory, _precision, _threads, _winograd, CheckFinite])
            command.Add(option);
        _plans.AddTo(command);
    }

    public DeviceChoice Choice(ParseResult parsed)
    {
        if (parsed.GetValue(CheckFinite))
            FiniteCheck.IsOn = true;
        string word = parsed.GetValue(_device)!;
        return DeviceChoice.Parse(word, parsed.GetValue(_precision), parsed.GetValue(_threads), parsed.GetValue(_memory)) with
        {
            Winograd = parsed.GetValue(_winograd) == "on",
            Plans = _plans.Of(parsed),
        };
    }
}

/// <summary>The requested device. <see cref="Open()"/> is the one place that turns it into a backend.</summary>
/// <param name="Word">auto, cpu, cuda, cuda:N or cuda:N,M.</param>
/// <param name="Devices">The devices of that name.</param>
/// <param name="Precision">The requested precision; null for the device's default.</param>
/// <param name="Threads">CPU threads, 0 for all cores.</param>
internal sealed record DeviceChoice(string Word, IReadOnlyList<DeviceName> Devices, Precision? Precision, int Threads)
{
    /// <summary>Whether the CPU may use Winograd's algorithm.</summary>
    public bool Winograd { get; init; } = true;

    /// <summary>How a GPU's convolutions are chosen.</summary>
    public PlanOptions Plans { get; init; } = new();

    /// <summary>Upper bound of the memory that is taken on a GPU; null for all that is free.</summary>
    public MemoryLimit? Memory { get; init; }

    /// <summary>The default precision of a GPU.</summary>
    public Precision OnGpu => Precision ?? Iba.Engine.Backends.Cuda.Precision.TensorFloat32;

    /// <exception cref="UsageException">There is no such kind of device, no such precision, or the bound is no size or for no GPU.</exception>
    public static DeviceChoice Parse(string word, string? precisionWord = null, int threads = 0, string? memory = null)
    {
        Precision? precision = precisionWord is null ? null : PrecisionNames.Find(precisionWord)
            ?? throw new UsageException($"--precision {precisionWord}: it must be one of {string.Join(", ", PrecisionNames.All)}.");
        try
        {
            return new DeviceChoice(word, DeviceName.FindAll(word), precision, threads)
            {
                Memory = memory is null ? null : DeviceName.Limit(memory, word),
            };
        }
        catch (ArgumentException mistake)
        {
            throw new UsageException($"--{mistake.Message}");
        }
    }

    /// <summary>Opens the device. Where it falls back to the CPU, one line says why.</summary>
    /// <exception cref="DeviceException">The requested GPU cannot be used.</exception>
    /// <exception cref="UsageException">The precision is not one of the device's, or there are several devices.</exception>
    public IBackend Open() => Devices.Count == 1 ? OpenAll()[0]
        : throw new UsageException($"--device {Word}: only iba attribute takes several devices. Name one.");

    /// <inheritdoc cref="Open()"/>
    /// <summary>Opens all devices.</summary>
    public IReadOnlyList<IBackend> OpenAll() =>
        OpenAll((ordinal, precision) => CudaBackend.Open(ordinal, precision, requiresCudnn: true, Plans, Memory), Terminal.Say);

    /// <inheritdoc cref="Open(DeviceName, Func{int, Precision, CudaBackend}, Action{string})"/>
    internal IReadOnlyList<IBackend> OpenAll(Func<int, Precision, CudaBackend> gpu, Action<string> say)
    {
        List<IBackend> opened = [];
        try
        {
            foreach (DeviceName device in Devices)
                opened.Add(Open(device, gpu, say));
            DeviceName.MustBeAlike(opened);
            return opened;
        }
        catch (Exception failure)
        {
            opened.ForEach(backend => backend.Dispose());
            throw failure is ArgumentException ? new UsageException($"--device {Word}: {failure.Message}") : failure;
        }
    }

    /// <param name="device">One of the devices.</param>
    /// <param name="gpu">Opens a GPU.</param>
    /// <param name="say">Called with the reason if another device or precision is used.</param>
    private IBackend Open(DeviceName device, Func<int, Precision, CudaBackend> gpu, Action<string> say)
    {
        try
        {
            return device.Open(Gpu, OnCpu, say);
        }
        catch (NoCudaException none)
        {
            throw new DeviceException($"--device {Word}: {none.Message}", none.Diagnosis);
        }

        CudaBackend Gpu(int ordinal)
        {
            CudaBackend backend = gpu(ordinal, OnGpu);
            if (Precision is { } asked && backend.Precision != asked)
                say($"--precision {asked.Word()}: {backend.DeviceName} is older than compute capability 8.0 and computes in {backend.Precision.Word()}.");
            foreach (string note in backend.Notes)
                say(note);
            return backend;
        }
    }

    private CpuBackend OnCpu() => Precision is null or Iba.Engine.Backends.Cuda.Precision.Float32
        ? new CpuBackend(Threads) { Winograd = Winograd }
        : throw new UsageException($"--precision {Precision.Value.Word()}: the CPU computes in fp32 and nothing else. "
            + $"Leave --precision out{(Devices[0].FallsBack ? ", or see iba doctor for why there is no GPU" : "")}.");
}
