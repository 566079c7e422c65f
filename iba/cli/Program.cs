Iba.Cli.Terminal.Say("iba");
