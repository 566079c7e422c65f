namespace Iba.Engine.Backends.Cuda;

/// <summary>Which code computes a convolution or a matrix product.</summary>
public enum Route
{
    /// <summary>One cuDNN graph computes the sum and everything that follows it.</summary>
    Fused,

    /// <summary>A cuDNN graph computes the sum, this project's kernels the rest.</summary>
    Single,

    /// <summary>A matrix product by cuBLASLt.</summary>
    Product,

    /// <summary>This project's plain kernel: correct, and many times slower.</summary>
    OwnKernel,
}

/// <summary>The choice for one convolution or matrix product, with its reason, so that a slow layer can be explained.</summary>
/// <param name="Unit">What is computed, in words: direction, shapes, operations after the sum, precision.</param>
/// <param name="Route">Which code computes it.</param>
/// <param name="Reason">Why it was chosen.</param>
/// <param name="Engine">cuDNN's engine and its settings; null on other routes.</param>
/// <param name="IsCompiled">Whether cuDNN compiled the engine for this graph (slow to build, fast to run).</param>
/// <param name="WorkspaceBytes">Workspace: memory needed besides the tensors.</param>
/// <param name="Milliseconds">
/// The time measured when candidates were compared, in this run or in the earlier one that made the choice; null if there was one
/// candidate.
/// </param>
/// <param name="Rejected">The candidates that were rejected, each with its reason.</param>
/// <param name="Check">The result of comparing its output with the plain sum; null if not done in this run.</param>
public sealed record PlanChoice(
    string Unit, Route Route, string Reason, string? Engine, bool IsCompiled, long WorkspaceBytes, float? Milliseconds, IReadOnlyList<string> Rejected,
    string? Check = null);
