namespace Engine.Backends.Cpu.Products;

/// <summary>One part of a reduction: A numbers into the left operand, B rows into the right one.</summary>
internal readonly record struct Tap(nint A, nint B);
