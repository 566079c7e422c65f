using Engine.Tensors;

namespace Engine.Backends.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void AddNoise(Tensor x, Noise noise, float scale, Tensor y)
    {
        int copies = y.Shape.N / noise.Images.Shape.Count;
        var rows = new NoiseRows(noise, copies, y.Shape.Row);
        _workers.Run(rows.Tiles(y.Shape.N), new AddNoiseTiles(rows, y.Shape.N / x.Shape.N, Read(x), scale, Write(y)));
    }
}
