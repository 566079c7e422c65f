namespace Engine.Backends.Cuda;

/// <summary>Which code computes a convolution or a matrix product.</summary>
public enum Route
{
    /// <summary>One cuDNN graph does the sum and everything that follows it.</summary>
    Fused,

    /// <summary>A cuDNN graph does the sum, own kernels what follows.</summary>
    Single,

    /// <summary>cuBLASLt's matrix product.</summary>
    Product,

    /// <summary>The plain kernel of this project: right, and many times slower.</summary>
    OwnKernel,
}

/// <summary>What was chosen for one convolution or product, and why: a slow layer explains itself.</summary>
/// <param name="Unit">What is computed, in words: direction, shapes, what follows the sum, precision.</param>
/// <param name="Route">Which code does it.</param>
/// <param name="Reason">Why this one.</param>
/// <param name="Engine">cuDNN's engine and its settings; null on other routes.</param>
/// <param name="IsCompiled">Whether cuDNN compiled the engine for this graph (slow to build, fast to run).</param>
/// <param name="WorkspaceBytes">Memory needed beside the tensors.</param>
/// <param name="Milliseconds">How long it took when candidates were timed, in this run or the earlier one that chose; null where there was no choice.</param>
/// <param name="Rejected">What was tried or passed over before, each with its reason.</param>
/// <param name="Check">What was found when its numbers were held against the plain sum; null where that was not done in this run.</param>
public sealed record PlanChoice(
    string Unit, Route Route, string Reason, string? Engine, bool IsCompiled, long WorkspaceBytes, float? Milliseconds, IReadOnlyList<string> Rejected,
    string? Check = null);
