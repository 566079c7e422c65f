using Iba.Engine.Backends;
using Iba.Engine.Backends.Cpu;
using Iba.Engine.Backends.Cpu.Simd;

namespace Tests.Engine;

/// <summary>Runs formulas at every register width that this machine has.</summary>
internal static unsafe class Widths
{
    /// <summary>f of every element, once per width; the elements are padded to a multiple of the widest register.</summary>
    public static IEnumerable<(string Width, float[] Y)> Map<F>(F f, float[] x) where F : struct, IUnary
    {
        yield return ("1 lane", Map<F, Lanes1>(f, x));
        yield return ("4 lanes", Map<F, Lanes128>(f, x));
        if (Registers.Bits >= 256)
            yield return ("8 lanes", Map<F, Lanes256>(f, x));
        if (Registers.Bits >= 512)
            yield return ("16 lanes", Map<F, Lanes512>(f, x));
    }

    /// <summary>Noise of one image and copy, once per width.</summary>
    public static IEnumerable<(string Width, float[] Noise)> Noise(ulong seed, uint image, uint copy, uint step, int first, int count)
    {
        yield return ("4 lanes", Noise<Lanes128>(seed, image, copy, step, first, count));
        if (Registers.Bits >= 256)
            yield return ("8 lanes", Noise<Lanes256>(seed, image, copy, step, first, count));
        if (Registers.Bits >= 512)
            yield return ("16 lanes", Noise<Lanes512>(seed, image, copy, step, first, count));
    }

    public static float[] Noise<V>(ulong seed, uint image, uint copy, uint step, int first, int count) where V : struct, IWideLanes<V>
    {
        var noise = new float[count + NormalNoise.Overrun];
        fixed (float* to = noise)
            NormalNoise.Fill<V>(seed, image, copy, step, first, count, to);
        return noise[..count];
    }

    private static float[] Map<F, V>(F f, float[] x) where F : struct, IUnary where V : struct, ILanes<V>
    {
        var padded = new float[(x.Length + V.Count - 1) / V.Count * V.Count];
        x.CopyTo(padded, 0);
        fixed (float* at = padded)
        {
            for (int i = 0; i < padded.Length; i += V.Count)
                V.Store(f.At(V.Load(at + i)), at + i);
        }
        return padded[..x.Length];
    }
}
