namespace Engine.Backends.Cuda;

/// <summary>How bad a finding is.</summary>
public enum Severity
{
    /// <summary>As it should be.</summary>
    Fine,

    /// <summary>CUDA works, but slower or less exactly than it could.</summary>
    Slower,

    /// <summary>CUDA cannot be used.</summary>
    Fatal,
}

/// <summary>One thing that was looked at.</summary>
/// <param name="Subject">What was looked at: driver, device, NVRTC, cuBLASLt, cuDNN, precision.</param>
/// <param name="Severity">How bad it is.</param>
/// <param name="Message">What was found, with versions and paths.</param>
/// <param name="Remedy">The one thing that mends it; null where nothing is wrong.</param>
public sealed record Finding(string Subject, Severity Severity, string Message, string? Remedy = null);

/// <summary>A CUDA device as the driver describes it.</summary>
/// <param name="Ordinal">Its number, from 0.</param>
/// <param name="Name">Its name.</param>
/// <param name="ComputeCapability">10 major + minor: 90 is 9.0.</param>
/// <param name="FreeBytes">Memory that nothing uses; 0 where the driver would not say.</param>
/// <param name="TotalBytes">All of its memory.</param>
public sealed record DeviceDescription(int Ordinal, string Name, int ComputeCapability, long FreeBytes, long TotalBytes);

/// <summary>What an examination of the machine found.</summary>
/// <param name="Findings">In the order in which things depend on each other.</param>
/// <param name="Devices">The devices, if the driver lists any.</param>
/// <param name="PathsTried">Every library file that was looked for.</param>
public sealed record Diagnosis(IReadOnlyList<Finding> Findings, IReadOnlyList<DeviceDescription> Devices, IReadOnlyList<string> PathsTried)
{
    /// <summary>Whether CUDA can be used.</summary>
    public bool HasCuda => Findings.All(finding => finding.Severity != Severity.Fatal);

    /// <summary>The first thing that forbids CUDA, or null.</summary>
    public Finding? Obstacle => Findings.FirstOrDefault(finding => finding.Severity == Severity.Fatal);

    /// <summary>
    /// The first thing that makes CUDA no choice for whoever only wants it fast: what forbids it, else a cuDNN that is missing or broken,
    /// without which convolutions take many times as long. Null where nothing does.
    /// </summary>
    public Finding? Gap => Obstacle ?? Findings.FirstOrDefault(finding => finding is { Subject: "cuDNN", Severity: not Severity.Fine });
}
