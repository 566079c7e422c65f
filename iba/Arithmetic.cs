using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Backends.Cuda;

namespace Iba;

/// <summary>Everything of a device that decides the last bits of a result.</summary>
/// <param name="Device"><c>cpu</c>, or the GPU's number and name.</param>
/// <param name="Precision">fp32, tf32 or bf16.</param>
/// <param name="Winograd">Whether 3 x 3 convolutions use Winograd's algorithm where it is faster; null on a GPU.</param>
/// <param name="RegisterBits">Width of the SIMD registers: 512, 256, 128, or 0 without SIMD; null on a GPU.</param>
public sealed record Arithmetic(string Device, string Precision, bool? Winograd = null, int? RegisterBits = null)
{
    /// <summary>The arithmetic of a backend.</summary>
    public static Arithmetic Of(IBackend backend) => backend switch
    {
        CpuBackend cpu => new Arithmetic("cpu", Engine.Backends.Cuda.Precision.Float32.Word(), cpu.Winograd, CpuBackend.RegisterBits),
        CudaBackend gpu => new Arithmetic(gpu.DeviceName, gpu.Precision.Word()),
        _ => new Arithmetic(backend.Name, Engine.Backends.Cuda.Precision.Float32.Word()),
    };

    /// <summary>Every part as text; equal arithmetic has equal text.</summary>
    public override string ToString() => Winograd is null ? $"{Device} {Precision}" : $"{Device} {Precision} winograd {Winograd} registers {RegisterBits}";
}
