namespace Iba.Engine.Backends.Cpu;

/// <summary>Work that is divided into numbered tiles. Any core may run any tile, in any order.</summary>
internal interface ITiles
{
    /// <param name="tile">Index of the tile.</param>
    /// <param name="worker">Index of the worker that runs it, from 0. Scratch memory with this index belongs to it during the call.</param>
    void Run(int tile, int worker);
}
