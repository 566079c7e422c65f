namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>One tap of a reduction: its offset in the left operand in elements, and in the right operand in rows.</summary>
internal readonly record struct Tap(nint A, nint B);
