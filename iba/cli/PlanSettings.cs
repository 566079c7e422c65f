using System.CommandLine;
using Iba.Engine.Backends.Cuda;

namespace Iba.Cli;

/// <summary>The options that decide how a GPU's convolutions are chosen among cuDNN's engines.</summary>
internal sealed class PlanSettings
{
    private readonly Option<string?> _pack = new("--plan-pack")
    {
        Description = "A file of plans that iba plans build made for this GPU and this cuDNN. It holds code: name only a file that you trust.",
        HelpName = "FILE",
        Validators = { Validators.FileToRead("make one with: iba plans build --gpu GPU --out FILE") },
    };
    private readonly Option<int?> _candidates = new("--plan-candidates")
    {
        Description = "How many of cuDNN's engines are built and timed for each convolution on a GPU. Default: IBA_CUDNN_CANDIDATES, else 3.",
        CustomParser = Number.Between(1, PlanOptions.MostCandidates).Optional,
    };
    private readonly Option<bool> _fast = new("--fast-start")
    {
        Description = "On a GPU, prefer cuDNN's engines that need no compilation: a start in seconds instead of a minute, and perhaps slower steps.",
    };

    /// <param name="command">The command that gets the options.</param>
    /// <param name="builds">Whether it makes a file of plans, and so takes none.</param>
    public void AddTo(Command command, bool builds = false)
    {
        foreach (Option option in builds ? (Option[])[_candidates, _fast] : [_pack, _candidates, _fast])
            command.Add(option);
    }

    public PlanOptions Of(ParseResult parsed, bool builds = false) => new()
    {
        Pack = builds ? null : parsed.GetValue(_pack),
        Candidates = parsed.GetValue(_candidates),
        FastStart = parsed.GetValue(_fast),
    };
}
