namespace Engine.Backends.Cpu;

/// <summary>Weights copied into the order in which a matrix product reads them.</summary>
internal abstract class PackedWeights : IDisposable
{
    public abstract void Dispose();
}
