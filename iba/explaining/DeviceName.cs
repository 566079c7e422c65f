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
    /// <summary>The first GPU where everything that it needs is there, else the CPU.</summary>
    public static DeviceName Auto { get; } = new(0, true);

    /// <summary>Reads a name.</summary>
    /// <returns>The device; null if there is no such name.</returns>
    public static DeviceName? Find(string word)
    {
        const string Numbered = "cuda:";
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

    /// <summary>Opens the device: a GPU in TF32 with cuDNN, the CPU with all its cores.</summary>
    /// <exception cref="NoCudaException">The GPU that was asked for is not there, or something that it needs; the message says what.</exception>
    /// <exception cref="CudaException">It failed.</exception>
    public IBackend Open()
    {
        if (Ordinal is not { } ordinal)
            return new CpuBackend();
        try
        {
            return CudaBackend.Open(ordinal, Precision.TensorFloat32, requiresCudnn: true);
        }
        catch (Exception refused) when (FallsBack && (refused is NoCudaException or CudaException and not DeviceLostException))
        {
            return new CpuBackend();
        }
    }
}
