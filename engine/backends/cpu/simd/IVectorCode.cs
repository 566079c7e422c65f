namespace Iba.Engine.Backends.Cpu.Simd;

/// <summary>Code written once over the width of a register. <see cref="Registers.Run"/> runs it at the width of this machine.</summary>
internal interface IVectorCode
{
    /// <typeparam name="V">One register.</typeparam>
    void Run<V>() where V : struct, IWideLanes<V>;
}
