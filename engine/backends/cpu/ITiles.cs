namespace Engine.Backends.Cpu;

/// <summary>Work that falls into numbered tiles, any of which may run on any core, in any order.</summary>
internal interface ITiles
{
    /// <param name="tile">Which tile.</param>
    /// <param name="worker">Who runs it, from 0: the index of scratch memory that is its own meanwhile.</param>
    void Run(int tile, int worker);
}
