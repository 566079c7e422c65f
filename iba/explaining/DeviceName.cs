using System.Globalization;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Backends.Cuda;

namespace Iba.Explaining;

/// <summary>A device by its name: auto, cpu, cuda or cuda:N.</summary>
/// <param name="Ordinal">Which GPU; null for the CPU.</param>
/// <param name="FallsBack">Whether the CPU is used where the GPU cannot be.</param>
public readonly record struct DeviceName(int? Ordinal, bool FallsBack)
{
    private const string Numbered = "cuda:";

    /// <summary>The first GPU where everything that it needs is there, else the CPU.</summary>
    public static DeviceName Auto { get; } = new(0, true);

    /// <summary>Reads a name.</summary>
    /// <returns>The device; null if there is no such name.</returns>
    public static DeviceName? Find(string word)
    {
        return word switch
        {
            "auto" => Auto,
            "cpu" => new DeviceName(null, false),
            "cuda" => new DeviceName(0, false),
            _ when word.StartsWith(Numbered, StringComparison.Ordinal)
                && int.TryParse(word.AsSpan(Numbered.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int ordinal) =>
                new DeviceName(ordinal, false),
            _ => null,
        };
    }

    /// <summary>Reads a name, or those of several GPUs: <c>cuda:0,1</c>.</summary>
    /// <exception cref="ArgumentException">There is no such name, or one is given twice.</exception>
    public static IReadOnlyList<DeviceName> FindAll(string word)
    {
        if (Find(word) is { } one)
            return [one];
        if (!word.StartsWith(Numbered, StringComparison.Ordinal) || !word.Contains(','))
            throw new ArgumentException($"device {word}: it must be auto, cpu, cuda or cuda:N, or several such as cuda:0,1.");
        DeviceName[] all = [.. word[Numbered.Length..].Split(',').Select(number => Find(Numbered + number)
            ?? throw new ArgumentException($"device {word}: '{number}' is not the number of a GPU. Give numbers with commas between, such as cuda:0,1."))];
        return all.FirstOrDefault(each => all.Count(other => other == each) > 1) is { Ordinal: { } twice }
            ? throw new ArgumentException($"device {word}: it names cuda:{twice} twice. Give each GPU once.") : all;
    }

    /// <summary>What <c>--gpu-memory</c> is, for the help of the command and of the service.</summary>
    internal const string LimitHelp = "Upper bound of the memory of tensors and workspaces on each GPU, such as 4GB, 512MiB or 45%; NVIDIA's libraries take "
        + "some hundred MiB more. Where a batch does not fit, it is halved. Default: all that is free.";

    /// <summary>The bound of a GPU's memory that <c>--gpu-memory</c> gives for devices.</summary>
    /// <param name="size">Such as 4GB or 80%.</param>
    /// <param name="device">The devices' names.</param>
    /// <exception cref="ArgumentException">It is no size, or for no GPU.</exception>
    internal static MemoryLimit Limit(string size, string device) => device == "cpu"
        ? throw new ArgumentException($"gpu-memory {size}: device cpu is no GPU. Leave one of them out.")
        : MemoryLimit.Find(size) ?? throw new ArgumentException($"gpu-memory {size}: it must be a size such as 4GB or 512MiB, or a share such as 80%.");

    /// <summary>Opens the device: a GPU in TF32 with cuDNN, the CPU with all its cores.</summary>
    /// <exception cref="NoCudaException">The GPU that was asked for is not there, or something that it needs; the message says what.</exception>
    /// <exception cref="CudaException">It failed.</exception>
    public IBackend Open() => Open(say: null);

    /// <summary>Opens the device.</summary>
    /// <param name="say">Called with the reason where the CPU is used instead of a GPU.</param>
    /// <param name="memory">Upper bound of the memory that is taken on a GPU; null for all that is free.</param>
    /// <inheritdoc cref="Open()"/>
    public IBackend Open(Action<string>? say, MemoryLimit? memory = null) =>
        Open(ordinal => CudaBackend.Open(ordinal, Precision.TensorFloat32, requiresCudnn: true, memory: memory), () => new CpuBackend(), say);

    /// <summary>Refuses devices of several kinds: a map must not depend on which of them took the photo.</summary>
    /// <exception cref="ArgumentException">They are not all of one kind.</exception>
    internal static void MustBeAlike(IReadOnlyList<IBackend> backends)
    {
        if (backends.FirstOrDefault(each => Kind(each) != Kind(backends[0])) is { } other)
        {
            throw new ArgumentException($"{backends[0].Name} and {other.Name} are of different kinds, and a map must not depend on which of them took the "
                + "photo. Name devices of one kind.");
        }

        // A GPU's name begins with its number.
        static string Kind(IBackend backend) => backend is CudaBackend gpu ? gpu.Name[gpu.Name.IndexOf(' ')..] : $"{Arithmetic.Of(backend)}";
    }

    /// <summary>Opens the device in the caller's way, by one rule for the fall to the CPU.</summary>
    /// <param name="gpu">Opens a GPU.</param>
    /// <param name="cpu">Opens the CPU.</param>
    /// <param name="say">Called with the reason where the CPU is used instead of a GPU.</param>
    internal IBackend Open(Func<int, IBackend> gpu, Func<IBackend> cpu, Action<string>? say)
    {
        if (Ordinal is not { } ordinal)
            return cpu();
        try
        {
            return gpu(ordinal);
        }
        catch (NoCudaException none) when (FallsBack)
        {
            Finding? gap = none.Diagnosis.Gap;
            say?.Invoke($"running on the CPU: {(gap is null ? none.Message : $"{gap.Subject}: {gap.Message}")}. See: iba doctor");
        }
        catch (CudaException refused) when (FallsBack && refused is not DeviceLostException)
        {
            say?.Invoke($"running on the CPU: {refused.Message}");
        }
        return cpu();
    }
}
